//! Many logins at once: each is kept.

use oras_tests::evil::Answer;
use oras_tests::{Evil, Running, Sandbox};

const COUNT: usize = 50;

#[test]
fn fifty_logins_at_once_are_all_kept_and_so_is_the_rest_of_the_file() {
    let sandbox = Sandbox::new();
    let registries: Vec<Evil> =
        (0..COUNT).map(|_| Evil::start(|_| Answer::body("application/json", "{}"))).collect();
    let other = serde_json::json!({
        "auths": { "other.example": { "auth": "eDp5" } },
        "HttpHeaders": { "X-Meta": "kept" },
    });
    std::fs::write(sandbox.docker_config(), other.to_string()).expect("write config.json");
    for _round in 0..2 {
        let running: Vec<Running> = registries
            .iter()
            .map(|registry| {
                let line = format!("login {} -u me -p x", registry.host());
                Running::start(&mut sandbox.oras_command(&line))
            })
            .collect();
        for login in running {
            login.finish().succeeds();
        }
        let config = std::fs::read(sandbox.docker_config()).expect("read config.json");
        let config: serde_json::Value = serde_json::from_slice(&config).expect("it is JSON");
        assert_eq!(config["HttpHeaders"]["X-Meta"], "kept");
        assert_eq!(config["auths"]["other.example"]["auth"], "eDp5");
        let missing: Vec<String> = registries
            .iter()
            .map(Evil::host)
            .filter(|host| config["auths"][host]["auth"] != "bWU6eA==")
            .collect();
        assert!(missing.is_empty(), "{} logins were lost: {missing:?}", missing.len());

        let running: Vec<Running> = registries
            .iter()
            .map(|registry| {
                Running::start(&mut sandbox.oras_command(&format!("logout {}", registry.host())))
            })
            .collect();
        for logout in running {
            logout.finish().succeeds();
        }
        let config = std::fs::read(sandbox.docker_config()).expect("read config.json");
        let config: serde_json::Value = serde_json::from_slice(&config).expect("it is JSON");
        let left = config["auths"].as_object().expect("an object");
        assert_eq!(left.keys().collect::<Vec<_>>(), ["other.example"]);
    }
}
