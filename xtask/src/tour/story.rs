//! The story, as shell lines with what each of them must bring about.

/// A part of the story.
#[derive(Debug)]
pub(crate) struct Chapter {
    /// What the chapter is about.
    pub(crate) title: &'static str,
    /// What happens in it, in order.
    pub(crate) steps: Vec<Step>,
}

/// One line typed into a shell.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// The line.
    pub(crate) line: String,
    /// What it must print, among other things.
    pub(crate) prints: Vec<String>,
    /// The files that must be there afterwards, with what they must hold.
    pub(crate) files: Vec<(String, String)>,
    /// The line must fail.
    pub(crate) refused: bool,
}

impl Step {
    fn new(line: impl Into<String>) -> Self {
        Self { line: line.into(), ..Self::default() }
    }

    fn prints(mut self, text: impl Into<String>) -> Self {
        self.prints.push(text.into());
        self
    }

    fn leaves(mut self, file: impl Into<String>, text: &str) -> Self {
        self.files.push((file.into(), text.to_owned()));
        self
    }

    fn refused(mut self) -> Self {
        self.refused = true;
        self
    }
}

/// The name and the password that the second registry knows.
const USER: &str = "me";
const PASSWORD: &str = "open-sesame";

/// The password file of the second registry: the above, hashed with bcrypt at cost 5.
pub(crate) const HTPASSWD: &str =
    "me:$2y$05$cJmM41Zsyg31gmA.lSV56uIteJWhS74ltApihuk8WEGdrlBPC909y\n";

/// Returns the whole story, for a registry that is open to all and one that wants a password.
pub(crate) fn chapters(open: &str, closed: &str, has_jq: bool) -> Vec<Chapter> {
    let secret = format!("echo {PASSWORD} | oras login {closed} -u {USER} --password-stdin");
    let auth = format!(r"$(printf '%s' '{USER}:{PASSWORD}' | base64)");
    let config = format!(
        r#"printf '{{"auths":{{"{closed}":{{"auth":"%s"}}}}}}' "{auth}" > "$DOCKER_CONFIG/config.json""#
    );
    let with_login = |title, login: Vec<Step>, directory: &str| {
        let mut steps = login;
        steps.extend(story(closed, directory, "", has_jq));
        steps.push(Step::new(format!("oras logout {closed}")));
        steps.push(refusal(closed));
        Chapter { title, steps }
    };
    let flags = format!(" --username {USER} --password {PASSWORD}");
    let mut by_flags = vec![refusal(closed)];
    by_flags.extend(story(closed, "with-flags", &flags, has_jq));
    vec![
        Chapter { title: "A registry that is open to all", steps: story(open, ".", "", has_jq) },
        Chapter { title: "A registry with a password, given on the command line", steps: by_flags },
        with_login(
            "The same after `oras login`",
            vec![Step::new(secret).prints("Login Succeeded")],
            "with-login",
        ),
        with_login(
            "The same with a login that docker wrote into config.json",
            vec![Step::new("mkdir -p \"$DOCKER_CONFIG\""), Step::new(config)],
            "with-config",
        ),
    ]
}

/// A pull that lacks the password.
fn refusal(host: &str) -> Step {
    Step::new(format!("oras pull {host}/me/ocitest:0.0.1")).refused().prints("Error")
}

/// Push, pull and browse; below `directory`, and with `flags` behind each command.
fn story(host: &str, directory: &str, flags: &str, has_jq: bool) -> Vec<Step> {
    let repository = format!("{host}/me/ocitest");
    let push = |version: &str| {
        Step::new(format!(
            "oras push {repository}:{version} \
             --config ./build/config.json:application/vnd.docker.volume.v1+tar.gz \
             ./build/foo.txt:text/plain{flags}"
        ))
        .prints(format!("Pushed [registry] {repository}:{version}"))
        .prints("Digest: sha256:")
    };
    let pulled =
        if directory == "." { "./pulled".to_owned() } else { format!("./{directory}/pulled") };
    let fetch = format!("oras manifest fetch {repository}:0.0.1{flags}");
    let fetch = if has_jq { format!("{fetch} | jq .") } else { format!("{fetch} --pretty") };
    vec![
        Step::new(
            "mkdir -p build; echo \"bar\" > ./build/foo.txt; \
             echo '{\"name\":\"foo\",\"value\":\"bar\"}' > ./build/config.json",
        )
        .leaves("build/foo.txt", "bar\n"),
        push("0.0.1"),
        Step::new(format!("oras pull -o {pulled} {repository}:0.0.1{flags}"))
            .leaves(format!("{pulled}/build/foo.txt"), "bar\n"),
        Step::new("echo \"barbar\" > ./build/foo.txt").leaves("build/foo.txt", "barbar\n"),
        push("0.0.2"),
        Step::new(format!("oras pull -o {pulled}/0.0.2 {repository}:0.0.2{flags}"))
            .leaves(format!("{pulled}/0.0.2/build/foo.txt"), "barbar\n")
            .leaves(format!("{pulled}/build/foo.txt"), "bar\n"),
        Step::new(format!("oras repository list {host}{flags}")).prints("me/ocitest"),
        Step::new(format!("oras repository show-tags {repository}{flags}")).prints("0.0.1\n0.0.2"),
        Step::new(fetch)
            .prints("\"mediaType\": \"application/vnd.docker.volume.v1+tar.gz\"")
            .prints("\"org.opencontainers.image.title\": \"build/foo.txt\""),
    ]
}
