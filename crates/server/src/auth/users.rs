//! Users with passwords, checked without haste and without telling who exists.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, OnceLock};
use std::thread::available_parallelism;
use std::time::Duration;

use async_trait::async_trait;
use http::request::Parts;
use oras_spec::distribution::Challenge;
use oras_spec::{Algorithm, Digest};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::basic::{Claim, claim, is_name, is_password};
use super::htpasswd::{self, HtpasswdError};
use super::password::is_right;
use super::{Authenticator, Identity, REALM, Refusal};

/// Users and their passwords, for HTTP's Basic authentication.
///
/// Passwords are kept as bcrypt or argon2id hashes only. A password that was right once is known again by a
/// hash under a key that lives as long as this does, so that only the first of many requests pays
/// for that. Hashing happens on threads of its own, on all processors but one; who has to wait
/// for that longer than a second is refused as [`Refusal::Busy`]. A name that nobody has costs as
/// much as a wrong password.
///
/// Needs a Tokio runtime to be asked.
pub struct Users {
    /// The index of each name's user.
    names: HashMap<String, usize>,
    everybody: Vec<User>,
    /// Makes hashes that nobody else can make, or check.
    key: [u8; 32],
    /// Draws somebody for a name that nobody has.
    draw: RandomState,
    /// How many passwords may be hashed at once.
    gate: Arc<Semaphore>,
}

struct User {
    hash: Arc<str>,
    /// The keyed hash of the password, once it was right.
    known: OnceLock<Digest>,
}

/// Why somebody cannot be made a user.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserError {
    /// The name is empty, or holds a colon or a control character, which Basic cannot carry.
    #[error("not a name for a user")]
    Name,
    /// The password is empty, longer than 72 bytes, or holds a NUL: bcrypt would not see all of
    /// it.
    #[error("a password must have 1 to 72 bytes, and no NUL among them")]
    Password,
    /// The htpasswd file is not one we can read.
    #[error("read users")]
    Htpasswd(#[from] HtpasswdError),
    /// The system has no random numbers for us.
    #[error("get random numbers")]
    Random(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// How costly it is to hash a password: 2^10 rounds, some 70 ms.
const COST: u32 = 10;

/// How long a request waits for its turn to have its password hashed.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

impl Users {
    /// Reads the text of an htpasswd file, as `htpasswd -B` writes it.
    ///
    /// Only hashes of bcrypt (`$2a$`, `$2b$`, `$2y$`), of a cost up to 14, and of argon2id are taken. Other tools
    /// may have hashed a password longer than 72 bytes by its beginning; here it is never right.
    ///
    /// # Errors
    ///
    /// [`UserError::Htpasswd`] for the first line that cannot be read, or has a name once more.
    pub fn from_htpasswd(text: &str) -> Result<Self, UserError> {
        let mut users = Self::nobody()?;
        for (name, hash) in htpasswd::parse(text)? {
            users.insert(name, hash);
        }
        Ok(users)
    }

    /// Makes one user. Takes the time that hashing a password takes, some 70 ms.
    ///
    /// # Errors
    ///
    /// [`UserError::Name`] and [`UserError::Password`].
    pub fn single(name: &str, password: &str) -> Result<Self, UserError> {
        Self::nobody()?.with(name, password)
    }

    /// Adds a user, or changes the password of one.
    ///
    /// # Errors
    ///
    /// As [`single`](Self::single).
    pub fn with(mut self, name: &str, password: &str) -> Result<Self, UserError> {
        if !is_name(name) {
            return Err(UserError::Name);
        }
        if !is_password(password.as_bytes()) {
            return Err(UserError::Password);
        }
        let hash = bcrypt::hash(password, COST).map_err(|error| UserError::Random(error.into()))?;
        self.insert(name, &hash);
        Ok(self)
    }

    fn nobody() -> Result<Self, UserError> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| UserError::Random(error.into()))?;
        // One processor stays free for those whose password needs no hashing.
        let at_once = available_parallelism().map_or(1, |count| count.get() - 1).max(1);
        let gate = Arc::new(Semaphore::new(at_once));
        Ok(Self {
            names: HashMap::new(),
            everybody: Vec::new(),
            key,
            draw: RandomState::new(),
            gate,
        })
    }

    fn insert(&mut self, name: &str, hash: &str) {
        let user = User { hash: hash.into(), known: OnceLock::new() };
        if let Some(index) = self.names.get(name) {
            self.everybody[*index] = user;
        } else {
            self.names.insert(name.to_owned(), self.everybody.len());
            self.everybody.push(user);
        }
    }

    /// Returns whose hash the password is checked against, and whether that is the user named.
    ///
    /// A name that nobody has gets somebody's hash, each name always the same, so that it takes
    /// as long as if it were somebody's. Nothing if there is nobody.
    fn candidate(&self, name: &str) -> Option<(&User, bool)> {
        let count = u64::try_from(self.everybody.len()).ok().filter(|count| *count > 0)?;
        let drawn = usize::try_from(self.draw.hash_one(name) % count).ok()?;
        match self.names.get(name) {
            Some(index) => self.everybody.get(*index).map(|user| (user, true)),
            None => self.everybody.get(drawn).map(|user| (user, false)),
        }
    }

    /// Returns the hash of a user's password; nothing if nobody has the name.
    pub(super) fn hash(&self, name: &str) -> Option<&str> {
        let index = self.names.get(name)?;
        self.everybody.get(*index).map(|user| &*user.hash)
    }

    /// Tells whether a claim is known to be true from before.
    pub(super) fn knows(&self, claim: &Claim) -> bool {
        match self.candidate(&claim.name) {
            Some((user, true)) => user.is_known(&self.keyed_hash(claim)),
            _ => false,
        }
    }

    /// Returns the names of all users.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// Tells whether `claim` is true.
    pub(super) async fn check(&self, claim: Claim) -> Result<bool, Busy> {
        let Some((user, named)) = self.candidate(&claim.name) else { return Ok(false) };
        let password = self.keyed_hash(&claim);
        if named && user.is_known(&password) {
            return Ok(true);
        }
        let turn = timeout(LONGEST_WAIT, Arc::clone(&self.gate).acquire_owned()).await;
        let turn = turn.map_err(|_| Busy)?.map_err(|_| Busy)?;
        // Somebody may have come before us with the same.
        if named && user.is_known(&password) {
            return Ok(true);
        }
        let hash = Arc::clone(&user.hash);
        let matches = spawn_blocking(move || {
            // The turn lasts until the hash is made, even if nobody waits for it any more.
            let matches = is_right(&claim.password, &hash);
            drop(turn);
            matches
        });
        let is_right = matches.await.map_err(|_| Busy)? && named;
        if is_right {
            user.known.get_or_init(|| password);
        }
        Ok(is_right)
    }

    fn keyed_hash(&self, claim: &Claim) -> Digest {
        // The length makes sure that no two claims read alike; the hash itself is shown to nobody,
        // so a key in front does as well as an HMAC.
        let mut hasher = Algorithm::Sha256.hasher();
        hasher.update(&self.key);
        hasher.update(&(claim.name.len() as u64).to_be_bytes());
        hasher.update(claim.name.as_bytes());
        hasher.update(&claim.password);
        hasher.finish()
    }
}

/// Too many passwords are being checked.
pub(super) struct Busy;

impl User {
    /// Compares in a time that does not depend on where the hashes differ.
    fn is_known(&self, password: &Digest) -> bool {
        self.known.get().is_some_and(|known| {
            let pairs = known.encoded().bytes().zip(password.encoded().bytes());
            pairs.fold(0, |differing, (known, given)| differing | (known ^ given)) == 0
        })
    }
}

#[async_trait]
impl Authenticator for Users {
    async fn identify(&self, parts: &Parts) -> Result<Identity, Refusal> {
        if let Some(claim) = claim(&parts.headers) {
            let name = claim.name.clone();
            match self.check(claim).await {
                Ok(true) => {
                    return Ok(Identity { name: Some(name), ..Identity::default() });
                }
                Ok(false) => {}
                Err(Busy) => return Err(Refusal::Busy),
            }
        }
        Err(Refusal::Challenge(Challenge::basic(REALM)))
    }
}

/// Shows nothing of names, hashes or the key.
impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").field("count", &self.everybody.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
