//! What surrounds the program: variables, working directory, clock. The only file that reads them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// The surroundings of one run: the process's own, or what a test makes up.
#[derive(Clone)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    directory: PathBuf,
    clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    obeys_signals: bool,
}

impl Environment {
    /// Takes the surroundings of this process; signals cancel the run.
    #[expect(clippy::disallowed_methods, reason = "the surroundings enter the program here")]
    pub fn of_process() -> Self {
        Self {
            variables: std::env::vars_os().collect(),
            // Relative paths of a directory that is gone fail where they are used.
            directory: std::env::current_dir().unwrap_or_default(),
            clock: Arc::new(SystemTime::now),
            obeys_signals: true,
        }
    }

    /// Makes surroundings without variables; relative paths start at `directory`, which is
    /// absolute. Signals are left alone.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            variables: BTreeMap::new(),
            directory: directory.into(),
            clock: Arc::new(SystemTime::now),
            obeys_signals: false,
        }
    }

    /// Sets a variable.
    #[must_use]
    pub fn with(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Sets the clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Returns a variable that is set and not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&OsString> {
        self.variables.get(std::ffi::OsStr::new(name)).filter(|value| !value.is_empty())
    }

    /// Returns the working directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes a path that the user typed absolute.
    pub(crate) fn path(&self, typed: impl AsRef<Path>) -> PathBuf {
        self.directory.join(typed)
    }

    /// Returns the time.
    pub(crate) fn now(&self) -> SystemTime {
        (self.clock)()
    }

    /// Tells whether signals sent to the process cancel the run.
    pub(crate) fn obeys_signals(&self) -> bool {
        self.obeys_signals
    }

    /// Returns where `config.json` with the credentials is, as docker has it.
    pub(crate) fn docker_config(&self) -> Option<PathBuf> {
        let directory = match self.variable("DOCKER_CONFIG") {
            Some(directory) => self.path(directory),
            None => self.home()?.join(".docker"),
        };
        Some(directory.join("config.json"))
    }

    /// Returns where podman, skopeo and buildah keep credentials, most particular first: the file
    /// of `REGISTRY_AUTH_FILE`, or those of the runtime and the configuration directory. The latter
    /// two do not count where `DOCKER_CONFIG` says where to look.
    pub(crate) fn podman_configs(&self) -> Vec<PathBuf> {
        if let Some(file) = self.variable("REGISTRY_AUTH_FILE") {
            return vec![self.path(file)];
        }
        if self.variable("DOCKER_CONFIG").is_some() {
            return Vec::new();
        }
        let home = self.home().map(|home| home.join(".config"));
        let directories = [self.xdg("XDG_RUNTIME_DIR"), self.xdg("XDG_CONFIG_HOME").or(home)];
        let files = directories.into_iter().flatten();
        files.map(|directory| directory.join("containers").join("auth.json")).collect()
    }

    /// Returns where content is kept that was fetched before: where `ORAS_CACHE` says, which is a
    /// layout; nowhere if that is set and empty; else in the user's directory for caches.
    pub(crate) fn cache(&self) -> CachePlace {
        match self.variables.get(std::ffi::OsStr::new("ORAS_CACHE")) {
            Some(empty) if empty.is_empty() => CachePlace::Nowhere,
            Some(layout) => CachePlace::Layout(self.path(layout)),
            None => self.own_cache().map_or(CachePlace::Nowhere, CachePlace::Own),
        }
    }

    /// Returns the user's directory for what we keep that can be had again.
    pub(crate) fn own_cache(&self) -> Option<PathBuf> {
        let caches = match self.xdg("XDG_CACHE_HOME") {
            Some(directory) => directory,
            None => self.home()?.join(".cache"),
        };
        Some(caches.join("oras"))
    }

    /// Returns where our registry keeps its content unless told otherwise.
    pub(crate) fn registry_root(&self) -> Option<PathBuf> {
        let data = match self.xdg("XDG_DATA_HOME") {
            Some(directory) => directory,
            None => self.home()?.join(".local").join("share"),
        };
        Some(data.join("oras").join("registry"))
    }

    /// Returns a directory of the XDG Base Directory Specification, by which relative ones are to
    /// be ignored.
    fn xdg(&self, name: &str) -> Option<PathBuf> {
        self.variable(name).map(PathBuf::from).filter(|directory| directory.is_absolute())
    }

    /// Returns the proxies for http and https requests and what is reached without one, by the
    /// variables that Go looks at; each may be empty.
    pub(crate) fn proxies(&self) -> [String; 3] {
        ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"].map(|name| {
            // In a CGI program, that variable is a header of the request it answers.
            let is_header = name == "HTTP_PROXY" && self.variable("REQUEST_METHOD").is_some();
            let upper = self.variable(name).filter(|_| !is_header);
            let value = upper.or_else(|| self.variable(&name.to_lowercase()));
            value.map(|value| value.to_string_lossy().into_owned()).unwrap_or_default()
        })
    }

    fn home(&self) -> Option<PathBuf> {
        let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        self.variable(name).map(|home| self.path(home))
    }
}

/// Where content is kept that was fetched before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CachePlace {
    /// It is not.
    Nowhere,
    /// In an OCI image layout of the user's choice.
    Layout(PathBuf),
    /// In a directory of ours.
    Own(PathBuf),
}

impl std::fmt::Debug for Environment {
    /// Variables may be secrets: not shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").field("directory", &self.directory).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_credentials_where_docker_keeps_them() {
        let bare = Environment::new("/work");
        assert_eq!(bare.docker_config(), None);
        let home = bare.with("HOME", "/home/me");
        assert_eq!(home.docker_config(), Some("/home/me/.docker/config.json".into()));
        let set = home.with("DOCKER_CONFIG", "conf");
        assert_eq!(set.docker_config(), Some("/work/conf/config.json".into()));
    }

    #[test]
    fn finds_the_credentials_where_podman_keeps_them() {
        let files = |environment: &Environment| {
            let files = environment.podman_configs();
            files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
        };
        let home = Environment::new("/work").with("HOME", "/home/me");
        assert_eq!(files(&home), ["/home/me/.config/containers/auth.json"]);
        let xdg = home.with("XDG_RUNTIME_DIR", "/run/user/1").with("XDG_CONFIG_HOME", "/c");
        assert_eq!(files(&xdg), ["/run/user/1/containers/auth.json", "/c/containers/auth.json"]);
        assert!(files(&xdg.clone().with("DOCKER_CONFIG", "d")).is_empty());
        let said = xdg.with("REGISTRY_AUTH_FILE", "a.json").with("DOCKER_CONFIG", "d");
        assert_eq!(files(&said), ["/work/a.json"]);
    }

    #[test]
    fn proxies_are_named_in_capitals_or_not() {
        let environment = Environment::new("/work")
            .with("HTTP_PROXY", "a")
            .with("http_proxy", "b")
            .with("https_proxy", "c");
        assert_eq!(environment.proxies(), ["a", "c", ""]);
        assert_eq!(environment.with("REQUEST_METHOD", "GET").proxies(), ["b", "c", ""]);
    }

    #[test]
    fn the_cache_is_in_the_users_directory_unless_a_variable_says_otherwise() {
        assert_eq!(Environment::new("/work").cache(), CachePlace::Nowhere);
        let home = Environment::new("/work").with("HOME", "/home/me");
        assert_eq!(home.cache(), CachePlace::Own("/home/me/.cache/oras".into()));
        let relative = home.clone().with("XDG_CACHE_HOME", "cache");
        assert_eq!(relative.cache(), home.cache());
        let set = home.clone().with("XDG_CACHE_HOME", "/cache");
        assert_eq!(set.cache(), CachePlace::Own("/cache/oras".into()));
        let layout = home.clone().with("ORAS_CACHE", "layout");
        assert_eq!(layout.cache(), CachePlace::Layout("/work/layout".into()));
        assert_eq!(home.with("ORAS_CACHE", "").cache(), CachePlace::Nowhere);
    }

    #[test]
    fn keeps_the_registry_in_the_data_directory() {
        let home = Environment::new("/work").with("HOME", "/home/me");
        assert_eq!(home.registry_root(), Some("/home/me/.local/share/oras/registry".into()));
        let relative = home.clone().with("XDG_DATA_HOME", "data");
        assert_eq!(relative.registry_root(), home.registry_root());
        let set = home.with("XDG_DATA_HOME", "/data");
        assert_eq!(set.registry_root(), Some("/data/oras/registry".into()));
    }
}
