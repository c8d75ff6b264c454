//! Tests of users: who is let in, and that nobody learns who exists.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use http::header::AUTHORIZATION;

use super::*;

fn users(pairs: &[(&str, &str)]) -> Users {
    let mut users = Users::nobody().expect("random numbers");
    for (name, password) in pairs {
        users.insert(name, &bcrypt::hash(password, 4).expect("a hash"));
    }
    users
}

async fn ask(users: &Users, name: &str, password: &str) -> Result<Identity, Refusal> {
    let pair = STANDARD.encode(format!("{name}:{password}"));
    let request = Request::get("/v2/").header(AUTHORIZATION, format!("Basic {pair}"));
    users.identify(&request.body(()).expect("a request").into_parts().0).await
}

fn challenge() -> Refusal {
    Refusal::Challenge(Challenge::basic("oras registry"))
}

fn named(name: &str) -> Identity {
    Identity { name: Some(name.to_owned()), ..Identity::default() }
}

#[tokio::test]
async fn knows_its_users_by_their_passwords() {
    let users = users(&[("ada", "lovelace"), ("zo\u{eb}", "\u{fc}:x ")]);
    for _ in 0..2 {
        assert_eq!(ask(&users, "ada", "lovelace").await, Ok(named("ada")));
        assert_eq!(ask(&users, "zo\u{eb}", "\u{fc}:x ").await, Ok(named("zo\u{eb}")));
        assert_eq!(ask(&users, "ada", "Lovelace").await, Err(challenge()));
        assert_eq!(ask(&users, "ada", "lovelacee").await, Err(challenge()));
        assert_eq!(ask(&users, "Ada", "lovelace").await, Err(challenge()));
        assert_eq!(ask(&users, "bob", "lovelace").await, Err(challenge()));
    }
}

#[tokio::test]
async fn challenges_who_claims_nothing() {
    let users = users(&[("ada", "lovelace")]);
    let request = Request::get("/v2/").body(()).expect("a request");
    let refusal = users.identify(&request.into_parts().0).await.expect_err("nobody");
    let Refusal::Challenge(challenge) = refusal else { panic!("{refusal:?}") };
    assert_eq!(challenge.to_string(), r#"Basic realm="oras registry""#);
}

#[tokio::test]
async fn lets_nobody_in_where_there_is_nobody() {
    let users = Users::from_htpasswd("# nobody\n").expect("an empty file");
    assert_eq!(ask(&users, "ada", "lovelace").await, Err(challenge()));
}

#[tokio::test]
async fn a_changed_password_replaces_the_one_that_was_right() {
    let users = Users::single("ada", "lovelace").expect("a user");
    assert_eq!(ask(&users, "ada", "lovelace").await, Ok(named("ada")));
    let users = users.with("ada", "byron").expect("a user");
    assert_eq!(ask(&users, "ada", "lovelace").await, Err(challenge()));
    assert_eq!(ask(&users, "ada", "byron").await, Ok(named("ada")));
}

#[tokio::test]
async fn reads_users_from_a_file() {
    // As libxcrypt hashes `lovelace`; it writes the three schemes alike.
    let hash = "05$bvIG6Nmid91Mu9RcmmWZfOONfID/BsyDjoKe9x3sWOuNFrqO/TTt2";
    let text = format!("a:$2a${hash}\nb:$2b${hash}\ny:$2y${hash}\n");
    let users = Users::from_htpasswd(&text).expect("three users");
    for name in ["a", "b", "y"] {
        assert_eq!(ask(&users, name, "lovelace").await, Ok(named(name)));
        assert_eq!(ask(&users, name, "byron").await, Err(challenge()));
    }
}

#[tokio::test]
async fn never_takes_the_beginning_of_a_password_for_the_whole() {
    let longest = "x".repeat(72);
    let longer = format!("{longest}y");
    // As a tool that cuts off would have hashed it.
    let users = users(&[("ada", &longer), ("bob", &longest)]);
    assert_eq!(ask(&users, "ada", &longer).await, Err(challenge()));
    assert_eq!(ask(&users, "bob", &longest).await, Ok(named("bob")));
    assert_eq!(ask(&users, "bob", &longer).await, Err(challenge()));
    assert_eq!(ask(&users, "bob", &longest[1..]).await, Err(challenge()));
}

#[test]
fn sets_no_password_that_bcrypt_would_not_see_whole() {
    for password in ["", "a\0b", &"x".repeat(73)] {
        let error = Users::single("ada", password).expect_err(password);
        assert!(matches!(error, UserError::Password), "{error:?}");
    }
    for name in ["", "a:b", "a\nb"] {
        let error = Users::single(name, "lovelace").expect_err(name);
        assert!(matches!(error, UserError::Name), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn refuses_for_now_who_waits_too_long() {
    let users = users(&[("ada", "lovelace")]);
    let all = users.gate.available_permits();
    let turns = users.gate.acquire_many(u32::try_from(all).expect("few")).await.expect("open");
    assert_eq!(ask(&users, "ada", "lovelace").await, Err(Refusal::Busy));
    assert_eq!(ask(&users, "nobody", "lovelace").await, Err(Refusal::Busy));
    drop(turns);
    assert_eq!(ask(&users, "ada", "lovelace").await, Ok(named("ada")));
    let _turns = users.gate.acquire_many(u32::try_from(all).expect("few")).await.expect("open");
    assert_eq!(ask(&users, "ada", "lovelace").await, Ok(named("ada")), "known by now");
    assert_eq!(ask(&users, "ada", "byron").await, Err(Refusal::Busy));
}

#[test]
fn a_name_nobody_has_costs_what_somebody_costs() {
    let users = users(&[("ada", "lovelace"), ("bob", "secret")]);
    let mut drawn = Vec::new();
    for number in 0..100 {
        let name = format!("nobody{number}");
        let (user, is_named) = users.candidate(&name).expect("somebody");
        let again = users.candidate(&name).expect("somebody").0;
        assert!(!is_named && Arc::ptr_eq(&user.hash, &again.hash), "{name}");
        drawn.push(Arc::clone(&user.hash));
    }
    drawn.sort();
    drawn.dedup();
    assert_eq!(drawn.len(), 2, "everybody's cost is somebody's");
    assert!(users.candidate("ada").expect("herself").1);
}

#[test]
fn shows_nothing_of_what_it_keeps() {
    assert_eq!(format!("{:?}", users(&[("ada", "lovelace")])), "Users { count: 1, .. }");
}
