//! Who signed an archive's list: `OpenPGP` keys, and what counts as a signature of theirs (*RFC 9580*).
//!
//! The arithmetic is rPGP's. What is decided here is which keys may sign at all: the file of keys is the
//! user's and believed, so a key's own signatures are read with whatever hash they were made; the signature
//! over a list came over the network, and must be made with SHA-2 or SHA-3.

use std::fmt;
use std::sync::Arc;

use lightship_base::{Category, Diagnose, Hint, Timestamp};
use pgp::composed::{CleartextSignedMessage, PublicOrSecret, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType, SignatureVersion, SubpacketData};
use pgp::types::{KeyDetails, Tag};

/// Keys whose signatures count.
#[derive(Clone, Default)]
pub struct Keyring(Vec<Trusted>);

#[derive(Clone)]
struct Trusted {
    key: Arc<SignedPublicKey>,
    /// Only the key or subkey with this fingerprint.
    only: Option<String>,
}

/// Why a file has no keys that could be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// It is something else.
    #[error("{name} has no OpenPGP keys: {reason}")]
    NoKeys {
        /// The file, as it was called.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A text that somebody trusted has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// What was signed, and nothing else of the file.
    pub text: String,
    /// The fingerprint of the key or subkey, in upper-case hex.
    pub signer: String,
    /// When it was signed, as the signer says.
    pub made: Timestamp,
}

/// Why a text is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no signature in it.
    #[error("it carries no signature: {0}")]
    Unsigned(String),
    /// It is larger than any list; nobody looks for a signature in it.
    #[error("it has more than {MOST_LINES} lines or {MOST_BYTES} bytes")]
    TooLarge,
    /// No signature counts.
    #[error("no signature on it counts: {}", list(.0))]
    Refused(Vec<Refusal>),
}

/// Why one signature does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The key's fingerprint, or what the signature says of it.
    pub key: String,
    /// Why not.
    pub reason: RefusalReason,
}

/// Why a signature does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalReason {
    /// The key is none of those that are trusted here.
    UnknownKey,
    /// The text, or the signature, was changed.
    Wrong,
    /// MD5, SHA-1 and RIPEMD can be forged.
    WeakHash,
    /// Its kind or version is not for texts.
    Kind,
    /// It does not say when it was made, or says a time to come.
    Time,
    /// Its own time is over.
    Expired,
    /// The key's time is over, or was when it was made.
    KeyExpired,
    /// The key was called back by its owner.
    KeyRevoked,
    /// The key is not bound to its owner, or not for signing.
    KeyPurpose,
}

/// Real lists have up to four. Each costs an exponentiation.
const MOST_SIGNATURES: usize = 16;

/// Debian's largest lists have 250 kB and some 3,000 lines.
pub(crate) const MOST_BYTES: u64 = 2 << 20;

/// The parser takes time that grows with the square of the lines, before any signature is checked.
const MOST_LINES: usize = 50_000;

/// Clocks may differ by so many seconds.
const SKEW: i64 = 300;

impl Keyring {
    /// Reads a file of keys, binary (`.gpg`) or armoured (`.asc`). Keys of kinds that are not known are
    /// passed over, as long as one can be used.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, KeyringError> {
        let fail = |reason: String| KeyringError::NoKeys { name: name.to_owned(), reason };
        let mut keys = Vec::new();
        let mut last = "it is empty".to_owned();
        for block in blocks(bytes) {
            match PublicOrSecret::from_reader_many_buf(block) {
                Ok((read, _)) => {
                    for key in read.take(crate::MOST_PACKAGES) {
                        match key {
                            Ok(PublicOrSecret::Public(key)) => {
                                keys.push(Trusted { key: Arc::new(key), only: None });
                            }
                            Ok(PublicOrSecret::Secret(_)) => {
                                "it has a secret key".clone_into(&mut last);
                            }
                            Err(error) => last = error.to_string(),
                        }
                    }
                }
                Err(error) => last = error.to_string(),
            }
        }
        if keys.is_empty() { Err(fail(last)) } else { Ok(Self(keys)) }
    }

    /// Takes in another's keys.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether it has no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key with a fingerprint (upper-case hex) or with a subkey of it; `exact` leaves only that one.
    pub fn only(&self, fingerprint: &str, exact: bool) -> Option<Self> {
        let found = self.0.iter().find(|trusted| {
            hex(&trusted.key.primary_key) == fingerprint
                || trusted.key.public_subkeys.iter().any(|sub| hex(&sub.key) == fingerprint)
        })?;
        let only = exact.then(|| fingerprint.to_owned());
        Some(Self(vec![Trusted { key: Arc::clone(&found.key), only }]))
    }

    /// The text of a clear-signed file (*RFC 9580, 7*), where at least one signature on it counts. Who has
    /// an expired key can date a signature back, so expired keys sign nothing.
    pub fn verify(&self, file: &[u8], now: Timestamp) -> Result<Signed, SignatureError> {
        self.verified(file, now, |_| now)
    }

    /// The same for lists that are old and known to be: a key that has expired counts for what it signed,
    /// as it says, before.
    pub fn verify_old(&self, file: &[u8], now: Timestamp) -> Result<Signed, SignatureError> {
        self.verified(file, now, |made| made)
    }

    /// `until` says of a signature's own time how long its key has to have lived.
    fn verified(
        &self,
        file: &[u8],
        now: Timestamp,
        until: impl Fn(Timestamp) -> Timestamp,
    ) -> Result<Signed, SignatureError> {
        let message = parse_clear_signed(file)?;
        let text = message.signed_text();
        let mut refusals = Vec::new();
        for signature in message.signatures().iter().take(MOST_SIGNATURES) {
            match self.check(signature, &text, now, &until) {
                Ok((signer, made)) => return Ok(Signed { text, signer, made }),
                Err(refusal) => refusals.push(refusal),
            }
        }
        if refusals.is_empty() {
            return Err(SignatureError::Unsigned("its signature block is empty".to_owned()));
        }
        Err(SignatureError::Refused(refusals))
    }

    fn check(
        &self,
        signature: &Signature,
        text: &str,
        now: Timestamp,
        until: impl Fn(Timestamp) -> Timestamp,
    ) -> Result<(String, Timestamp), Refusal> {
        let refuse = |key: String, reason| Refusal { key, reason };
        let made =
            check_form(signature, now).map_err(|reason| refuse(issuer(signature), reason))?;
        let span = Span { made, until: until(made) };
        // Several files may have copies of one key, of different ages: any good one will do, unless one of
        // them says that its owner called it back.
        let mut good = None;
        let mut refusal = None;
        for trusted in &self.0 {
            let Some((signer, usable)) = trusted.find(signature, span) else { continue };
            let verified = match signer {
                Signer::Primary => signature.verify(&trusted.key.primary_key, text.as_bytes()),
                Signer::Sub(sub) => signature.verify(&sub.key, text.as_bytes()),
            };
            let name = match signer {
                Signer::Primary => hex(&trusted.key.primary_key),
                Signer::Sub(sub) => hex(&sub.key),
            };
            match verified.map_or(Err(RefusalReason::Wrong), |()| usable) {
                Ok(()) => good = good.or(Some((name, made))),
                Err(reason @ RefusalReason::KeyRevoked) => return Err(refuse(name, reason)),
                Err(reason) => refusal = refusal.or(Some((name, reason))),
            }
        }
        let unknown = || (issuer(signature), RefusalReason::UnknownKey);
        good.ok_or_else(|| {
            let (key, reason) = refusal.unwrap_or_else(unknown);
            refuse(key, reason)
        })
    }
}

/// The text of a clear-signed file whose signature nobody checks: for archives that the user trusts
/// blindly.
pub(crate) fn without_signature(file: &[u8]) -> Result<String, SignatureError> {
    Ok(parse_clear_signed(file)?.signed_text())
}

fn parse_clear_signed(file: &[u8]) -> Result<CleartextSignedMessage, SignatureError> {
    let ends = memchr::memchr2_iter(b'\n', b'\r', file);
    if file.len() as u64 > MOST_BYTES || ends.take(MOST_LINES + 1).count() > MOST_LINES {
        return Err(SignatureError::TooLarge);
    }
    let (message, _) = CleartextSignedMessage::from_armor(file).map_err(|error| {
        SignatureError::Unsigned(lightship_net::printable(&error.to_string(), 200))
    })?;
    Ok(message)
}

/// Several armoured blocks may stand in one file; a binary file is one block.
fn blocks(bytes: &[u8]) -> Vec<&[u8]> {
    const BEGIN: &[u8] = b"-----BEGIN PGP PUBLIC KEY BLOCK-----";
    let starts: Vec<usize> = memchr::memmem::find_iter(bytes, BEGIN).collect();
    if starts.is_empty() {
        return vec![bytes];
    }
    let ends = starts.iter().copied().skip(1).chain([bytes.len()]);
    starts.iter().zip(ends).map(|(start, end)| &bytes[*start..end]).collect()
}

#[derive(Clone, Copy)]
enum Signer<'a> {
    Primary,
    Sub(&'a SignedPublicSubKey),
}

/// When a key has to have been good.
#[derive(Clone, Copy)]
struct Span {
    /// When the signature was made, as it says.
    made: Timestamp,
    /// Until when the key has to live.
    until: Timestamp,
}

impl Trusted {
    /// Which of its keys a signature names, and whether that one might sign when it was made.
    fn find(
        &self,
        signature: &Signature,
        span: Span,
    ) -> Option<(Signer<'_>, Result<(), RefusalReason>)> {
        let asked = |key: &dyn KeyDetails| {
            let wanted = self.only.as_ref().is_none_or(|only| *only == hex(key));
            wanted && names(signature, key)
        };
        if asked(&self.key.primary_key) {
            return Some((Signer::Primary, self.primary_may_sign(span)));
        }
        let sub = self.key.public_subkeys.iter().find(|sub| asked(&sub.key))?;
        let may = self.primary_lives(span).and_then(|_| self.sub_may_sign(sub, span));
        Some((Signer::Sub(sub), may))
    }

    fn primary_may_sign(&self, span: Span) -> Result<(), RefusalReason> {
        let newest = self.primary_lives(span)?;
        // A key that does not say what it is for is for everything.
        if says_purpose(newest) && !newest.key_flags().sign() {
            return Err(RefusalReason::KeyPurpose);
        }
        Ok(())
    }

    /// The newest signature by which the key speaks of itself.
    fn primary_lives(&self, span: Span) -> Result<&Signature, RefusalReason> {
        let (key, details) = (&self.key.primary_key, &self.key.details);
        if details.revocation_signatures.iter().any(|by| by.verify_key(key).is_ok()) {
            return Err(RefusalReason::KeyRevoked);
        }
        let direct = details.direct_signatures.iter().filter(|by| by.verify_key(key).is_ok());
        let users = details.users.iter().flat_map(|user| {
            user.signatures.iter().filter(|by| {
                by.is_certification()
                    && names(by, key)
                    && by.verify_certification(key, Tag::UserId, &user.id).is_ok()
            })
        });
        let newest = direct
            .chain(users)
            .max_by_key(|signature| signature.created())
            .ok_or(RefusalReason::KeyPurpose)?;
        lives(key, newest, span)?;
        Ok(newest)
    }

    fn sub_may_sign(&self, sub: &SignedPublicSubKey, span: Span) -> Result<(), RefusalReason> {
        let primary = &self.key.primary_key;
        let bound =
            sub.signatures.iter().filter(|by| by.verify_subkey_binding(primary, &sub.key).is_ok());
        let (revoked, bound): (Vec<_>, Vec<_>) =
            bound.partition(|by| by.typ() == Some(SignatureType::SubkeyRevocation));
        if !revoked.is_empty() {
            return Err(RefusalReason::KeyRevoked);
        }
        let newest = bound
            .into_iter()
            .max_by_key(|signature| signature.created())
            .ok_or(RefusalReason::KeyPurpose)?;
        // The subkey has to agree to belong to this owner (*RFC 9580, 5.2.1.9*).
        let agrees = newest
            .embedded_signature()
            .is_some_and(|back| back.verify_primary_key_binding(&sub.key, primary).is_ok());
        if !newest.key_flags().sign() || !agrees {
            return Err(RefusalReason::KeyPurpose);
        }
        lives(&sub.key, newest, span)
    }
}

/// Whether a key existed when it signed, and had not yet expired at the end of the span.
fn lives(key: &impl KeyDetails, by: &Signature, span: Span) -> Result<(), RefusalReason> {
    let born = i64::from(key.created_at().as_secs());
    let made = span.made.as_second();
    let until = span.until.as_second().max(made);
    let ends = by.key_expiration_time().map(|life| i64::from(life.as_secs())).filter(|s| *s > 0);
    if made + SKEW < born || ends.is_some_and(|life| until >= born + life) {
        return Err(RefusalReason::KeyExpired);
    }
    Ok(())
}

/// What can be said of a signature without its key; gives back when it was made.
fn check_form(signature: &Signature, now: Timestamp) -> Result<Timestamp, RefusalReason> {
    let versions = [SignatureVersion::V4, SignatureVersion::V6];
    let kinds = [SignatureType::Binary, SignatureType::Text];
    if !versions.contains(&signature.version())
        || !signature.typ().is_some_and(|kind| kinds.contains(&kind))
    {
        return Err(RefusalReason::Kind);
    }
    let strong = [
        HashAlgorithm::Sha256,
        HashAlgorithm::Sha384,
        HashAlgorithm::Sha512,
        HashAlgorithm::Sha3_256,
        HashAlgorithm::Sha3_512,
    ];
    if !signature.hash_alg().is_some_and(|hash| strong.contains(&hash)) {
        return Err(RefusalReason::WeakHash);
    }
    let made = signature.created().ok_or(RefusalReason::Time)?.as_secs();
    let life = signature.signature_expiration_time().map_or(0, pgp::types::Duration::as_secs);
    if i64::from(made) > now.as_second() + SKEW {
        return Err(RefusalReason::Time);
    }
    if life > 0 && i64::from(made) + i64::from(life) <= now.as_second() {
        return Err(RefusalReason::Expired);
    }
    Timestamp::from_second(i64::from(made)).map_err(|_| RefusalReason::Time)
}

fn says_purpose(signature: &Signature) -> bool {
    signature.config().is_some_and(|config| {
        config.hashed_subpackets().any(|part| matches!(part.data, SubpacketData::KeyFlags(_)))
    })
}

fn names(signature: &Signature, key: &(impl KeyDetails + ?Sized)) -> bool {
    signature.issuer_fingerprint().into_iter().any(|print| *print == key.fingerprint())
        || signature.issuer_key_id().into_iter().any(|id| *id == key.legacy_key_id())
}

fn hex(key: &(impl KeyDetails + ?Sized)) -> String {
    upper(key.fingerprint().as_bytes())
}

fn issuer(signature: &Signature) -> String {
    let print =
        signature.issuer_fingerprint().into_iter().next().map(|print| upper(print.as_bytes()));
    let id = || signature.issuer_key_id().into_iter().next().map(|id| upper(id.as_ref()));
    print.or_else(id).unwrap_or_else(|| "an unnamed key".to_owned())
}

fn upper(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn list(refusals: &[Refusal]) -> String {
    refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match self.reason {
            RefusalReason::UnknownKey => write!(f, "{key} is not among the trusted keys"),
            RefusalReason::Wrong => write!(f, "that of {key} does not fit the text"),
            RefusalReason::WeakHash => {
                write!(f, "that of {key} is made with a hash that can be forged")
            }
            RefusalReason::Kind => write!(f, "that of {key} is of a kind that is not for texts"),
            RefusalReason::Time => {
                write!(f, "that of {key} was made at no time, or at one to come")
            }
            RefusalReason::Expired => write!(f, "that of {key} has expired"),
            RefusalReason::KeyExpired => {
                write!(f, "{key} has expired, or is younger than what it signed")
            }
            RefusalReason::KeyRevoked => write!(f, "{key} was revoked by its owner"),
            RefusalReason::KeyPurpose => write!(f, "{key} is not for signing"),
        }
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|trusted| hex(&trusted.key.primary_key))).finish()
    }
}

impl Diagnose for KeyringError {
    fn category(&self) -> Category {
        Category::BadInput
    }
}

impl Diagnose for SignatureError {
    fn category(&self) -> Category {
        Category::BadInput
    }

    fn hints(&self) -> Vec<Hint> {
        vec![Hint::new(
            "update the keyring package of the archive, and look whether something between here and the archive changes what it sends",
        )]
    }
}
