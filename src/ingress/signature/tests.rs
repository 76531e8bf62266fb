//! Every scheme with what its senders published, or what two other implementations agreed on, and with every
//! way in which a delivery can be off by little.

mod connect;
mod dated;
mod lists;
mod tokens;

use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::SecretString;
use serde::Deserialize;
use slack_morphism::signature_verifier::SlackEventSignatureVerifier;

use super::*;
use crate::plugin::scheme::{Algorithm, Encoding, Mac};

const GITHUB: Scheme = Scheme::Mac(Mac::sha256("X-Hub-Signature-256", "sha256="));
const SLACK: Scheme = Scheme::Timed {
    header: "X-Slack-Signature",
    timestamp: "X-Slack-Request-Timestamp",
    version: "v0",
    window: 300,
};
const STANDARD: Scheme = Scheme::Standard { window: 300 };

/// Whatever stands in the way of a forger; with which of them he is told so is the scheme's own matter.
const REFUSED: &str = "must be refused";

/// A delivery with the headers that its sender gave it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    /// Whether the sender itself published it.
    published: bool,
    scheme: String,
    /// What it is verified by.
    secret: String,
    /// What it is signed with, where that is something else.
    #[serde(default)]
    signing_secret: Option<String>,
    /// When it was signed, in seconds.
    at: i64,
    body: String,
    /// The signature's comes last.
    headers: Vec<(String, String)>,
}

fn vectors() -> Vec<Vector> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/signatures.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn vector(name: &str) -> Vector {
    vectors().into_iter().find(|vector| vector.name == name).unwrap()
}

/// The schemes as the sources have them.
fn scheme(name: &str) -> Scheme {
    match name {
        "github" => GITHUB,
        // Jira and Bitbucket leave out the `-256`.
        "hub" => Scheme::Mac(Mac::sha256("X-Hub-Signature", "sha256=")),
        "notion" => Scheme::Mac(Mac::sha256("X-Notion-Signature", "sha256=")),
        "linear" => dated::LINEAR,
        "sentry" => Scheme::Mac(Mac::sha256("Sentry-Hook-Signature", "")),
        "pagerduty" => Scheme::Mac(Mac { listed: true, ..Mac::sha256("X-PagerDuty-Signature", "v1=") }),
        "slack" => SLACK,
        "standard" => STANDARD,
        "discord" => {
            Scheme::Ed25519 { header: "X-Signature-Ed25519", timestamp: "X-Signature-Timestamp", window: 300 }
        }
        other => panic!("no scheme is called {other}"),
    }
}

impl Vector {
    fn scheme(&self) -> Scheme {
        scheme(&self.scheme)
    }

    fn delivery(&self) -> Delivery {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name = HeaderName::try_from(name).unwrap();
            headers.append(name, HeaderValue::try_from(value).unwrap());
        }
        Delivery { headers, body: self.body.clone().into(), ..Delivery::default() }
    }

    fn signature(&self) -> (&str, &str) {
        let (name, value) = self.headers.last().unwrap();
        (name, value)
    }

    /// The moment of its signing, or some seconds from it.
    fn moment(&self, offset: i64) -> Timestamp {
        Timestamp::from_second(self.at + offset).unwrap()
    }

    /// The verdict on a delivery that differs from the vector's.
    fn judge(&self, change: impl FnOnce(&mut Delivery)) -> Result<(), Refusal> {
        let mut delivery = self.delivery();
        change(&mut delivery);
        verify(&credentials(&self.scheme(), &[&self.secret]), &delivery, self.moment(0))
    }

    /// The verdict on the vector's delivery with other secrets.
    fn judge_by(&self, secrets: &[&str]) -> Result<(), Refusal> {
        verify(&credentials(&self.scheme(), secrets), &self.delivery(), self.moment(0))
    }

    /// The verdict on the vector's delivery with another signature.
    fn with_signature(&self, change: impl FnOnce(&str) -> String) -> Result<(), Refusal> {
        let (header, value) = self.signature();
        self.judge(|delivery| set(delivery, header, &change(value)))
    }

    /// Whether its signature is hex behind a prefix, which is where forms can be off in the same ways.
    fn is_prefixed_hex(&self) -> bool {
        matches!(self.scheme.as_str(), "github" | "hub" | "notion" | "slack" | "pagerduty")
    }

    /// The header of its timestamp, where it has one.
    fn timestamp(&self) -> Option<&str> {
        let names = self.headers.iter().map(|(name, _)| name.as_str());
        names.into_iter().find(|name| name.to_lowercase().contains("timestamp"))
    }
}

fn set(delivery: &mut Delivery, header: &str, value: &str) {
    let name = HeaderName::try_from(header).unwrap();
    delivery.headers.insert(name, HeaderValue::try_from(value).unwrap());
}

/// Credentials as they might be configured, empty secrets and all.
fn credentials(scheme: &Scheme, texts: &[&str]) -> Vec<Credential> {
    let credential = |text: &&str| Credential { scheme: scheme.clone(), secret: SecretString::from(*text) };
    texts.iter().map(credential).collect()
}

#[test]
fn published_vectors_are_believed_and_made() {
    assert_eq!(vectors().iter().filter(|vector| vector.published).count(), 6);
    for vector in vectors() {
        assert_eq!(vector.judge(|_| ()), Ok(()), "{}", vector.name);
        let secret = vector.signing_secret.as_ref().unwrap_or(&vector.secret);
        let made = sign(&vector.scheme(), secret, &vector.delivery(), vector.moment(0)).unwrap();
        assert_eq!(made, vector.headers, "{}", vector.name);
    }
}

#[test]
fn a_public_key_cannot_sign() {
    for name in ["discord", "standard, public key"] {
        let vector = vector(name);
        let made = sign(&vector.scheme(), &vector.secret, &vector.delivery(), vector.moment(0));
        assert_ne!(made.ok(), Some(vector.headers.clone()), "{name}");
    }
}

#[test]
fn one_changed_bit_of_the_body_is_refused() {
    for vector in vectors() {
        for at in 0..vector.body.len() * 8 {
            let mut body = vector.body.clone().into_bytes();
            body[at / 8] ^= 1 << (at % 8);
            let verdict = vector.judge(|delivery| delivery.body = body.into());
            assert_eq!(verdict, Err(Refusal::Wrong), "{} at bit {at}", vector.name);
        }
    }
}

#[test]
fn a_longer_or_shorter_body_is_refused() {
    for vector in vectors() {
        for body in [format!("{} ", vector.body), vector.body[1..].to_owned(), String::new()] {
            let verdict = vector.judge(|delivery| delivery.body = body.into());
            assert_eq!(verdict, Err(Refusal::Wrong), "{}", vector.name);
        }
    }
}

#[test]
fn a_reserialised_body_is_refused() {
    let vector = vector("github, escapes");
    let value: serde_json::Value = serde_json::from_str(&vector.body).unwrap();
    assert_eq!(vector.judge(|d| d.body = value.to_string().into()), Err(Refusal::Wrong));
}

#[test]
fn one_changed_digit_is_refused() {
    for vector in vectors() {
        let (header, text) = vector.signature();
        for at in 0..text.len() {
            let other = if &text[at..=at] == "0" { "1" } else { "0" };
            let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            let verdict = vector.judge(|delivery| set(delivery, header, &changed));
            assert!(verdict.is_err(), "{}: {changed} {REFUSED}", vector.name);
        }
        if vector.is_prefixed_hex() {
            let verdict = vector.with_signature(|text| {
                let (head, last) = text.split_at(text.len() - 1);
                format!("{head}{}", if last == "0" { "1" } else { "0" })
            });
            assert_eq!(verdict, Err(Refusal::Wrong), "{}", vector.name);
        }
    }
}

#[test]
fn another_form_of_signature_is_refused() {
    for vector in vectors().into_iter().filter(Vector::is_prefixed_hex) {
        let malformed = Err(Refusal::Malformed(vector.signature().0.to_owned().into()));
        let digits = |text: &str| text.split_once('=').unwrap().1.to_owned();
        assert_eq!(vector.with_signature(|text| format!("sha1={}", digits(text))), malformed);
        assert_eq!(vector.with_signature(|text| format!("SHA256={}", digits(text))), malformed);
        assert_eq!(vector.with_signature(digits), malformed);
        assert_eq!(vector.with_signature(|text| text[..text.len() - 2].to_owned()), malformed);
        assert_eq!(vector.with_signature(|text| format!("{text}00")), malformed);
        assert_eq!(vector.with_signature(|text| text.replace('=', "= ")), malformed);
        assert_eq!(vector.with_signature(|_| "sha256=".to_owned()), malformed);
        assert_eq!(vector.with_signature(|_| "sha256=zz".repeat(8)), malformed);
        assert_eq!(vector.with_signature(|_| String::new()), malformed);
    }
}

#[test]
fn a_signature_of_another_form_is_refused_where_it_has_no_prefix() {
    for vector in vectors().into_iter().filter(|vector| !vector.is_prefixed_hex()) {
        for change in [
            |text: &str| format!("sha256={text}"),
            |text: &str| text[..text.len() - 2].to_owned(),
            |text: &str| format!("{text}00"),
            |text: &str| format!(" {text}x"),
            |_: &str| "zz".repeat(32),
            |_: &str| String::new(),
        ] {
            assert!(vector.with_signature(change).is_err(), "{} {REFUSED}", vector.name);
        }
    }
}

#[test]
fn the_case_of_hex_digits_does_not_matter() {
    for vector in vectors().into_iter().filter(Vector::is_prefixed_hex) {
        let upper = vector.with_signature(|text| {
            let (scheme, digits) = text.split_once('=').unwrap();
            format!("{scheme}={}", digits.to_uppercase())
        });
        assert_eq!(upper, Ok(()), "{}", vector.name);
    }
}

#[test]
fn a_missing_or_doubled_header_is_refused() {
    for vector in vectors() {
        for (name, value) in &vector.headers {
            let missing = vector.judge(|delivery| {
                delivery.headers.remove(name.as_str());
            });
            assert_eq!(missing, Err(Refusal::Missing(name.clone().into())), "{}", vector.name);
            let doubled = vector.judge(|delivery| {
                let header = HeaderName::try_from(name).unwrap();
                delivery.headers.append(header, HeaderValue::try_from(value).unwrap());
            });
            assert_eq!(doubled, Err(Refusal::Repeated(name.clone().into())), "{}", vector.name);
        }
    }
}

#[test]
fn a_header_that_is_no_text_is_refused() {
    for vector in vectors() {
        let header = vector.signature().0.to_owned();
        let bytes = HeaderValue::from_bytes(b"sha256=\xff").unwrap();
        let verdict = vector.judge(|delivery| {
            delivery.headers.insert(HeaderName::try_from(&header).unwrap(), bytes);
        });
        assert_eq!(verdict, Err(Refusal::Malformed(header.into())));
    }
}

#[test]
fn any_configured_secret_will_do_and_an_empty_one_never_does() {
    for vector in vectors() {
        let (right, name) = (vector.secret.as_str(), vector.name.as_str());
        // Others of the same form.
        let (old, new) = match right {
            _ if vector.scheme == "discord" => ("00".repeat(32), "11".repeat(32)),
            _ if vector.scheme == "standard" => ("whsec_b2xk".to_owned(), "whsec_bmV3".to_owned()),
            _ => ("old".to_owned(), "new".to_owned()),
        };
        let (old, new) = (old.as_str(), new.as_str());
        for secrets in [[old, right], [right, new], ["", right], [right, " "]] {
            assert_eq!(vector.judge_by(&secrets), Ok(()), "{name} {secrets:?}");
        }
        assert!(vector.judge_by(&[old, new]).is_err(), "{name} {REFUSED}");
        for secrets in [&[][..], &[""], &["  "], &["\n"]] {
            assert_eq!(vector.judge_by(secrets), Err(Refusal::NoSecret), "{name}");
        }
    }
    // Even a signature that was made with the empty secret.
    let mut forged = Delivery { body: "{}".into(), ..Delivery::default() };
    let now = Timestamp::UNIX_EPOCH;
    for (name, value) in sign(&GITHUB, "", &forged, now).unwrap() {
        set(&mut forged, &name, &value);
    }
    assert_eq!(verify(&credentials(&GITHUB, &[""]), &forged, now), Err(Refusal::NoSecret));
    assert_eq!(verify(&credentials(&GITHUB, &["real", ""]), &forged, now), Err(Refusal::Wrong));
}

#[test]
fn a_secret_is_used_as_it_is_written() {
    for vector in vectors() {
        let right = &vector.secret;
        for secret in
            [format!(" {right}"), format!("{right}\n"), right.to_lowercase() + "x", right[1..].to_owned()]
        {
            assert!(vector.judge_by(&[&secret]).is_err(), "{}: {secret:?} {REFUSED}", vector.name);
        }
    }
}

#[test]
fn another_scheme_does_not_take_it() {
    let all = vectors();
    for (one, other) in all.iter().flat_map(|one| all.iter().map(move |other| (one, other))) {
        if one.scheme != other.scheme {
            let credentials = credentials(&other.scheme(), &[&one.secret]);
            let verdict = verify(&credentials, &one.delivery(), one.moment(0));
            assert!(verdict.is_err(), "{} as {} {REFUSED}", one.name, other.name);
        }
    }
}

#[test]
fn another_algorithm_or_encoding_is_refused() {
    for vector in vectors() {
        let Scheme::Mac(mac) = vector.scheme() else { continue };
        let longer = Mac { algorithm: Algorithm::Sha512, ..mac.clone() };
        let denser = Mac { encoding: Encoding::Base64, ..mac };
        for other in [longer, denser] {
            let scheme = Scheme::Mac(other);
            let verdict = |delivery: &Delivery| {
                verify(&credentials(&scheme, &[&vector.secret]), delivery, vector.moment(0))
            };
            let malformed = Err(Refusal::Malformed(vector.signature().0.to_owned().into()));
            assert_eq!(verdict(&vector.delivery()), malformed, "{}", vector.name);
            // Made in that way it is believed.
            let mut own = vector.delivery();
            for (name, value) in sign(&scheme, &vector.secret, &own, vector.moment(0)).unwrap() {
                set(&mut own, &name, &value);
            }
            assert_eq!(verdict(&own), Ok(()), "{}", vector.name);
        }
    }
}

#[test]
fn a_timestamp_is_good_for_five_minutes_either_way() {
    let timed: Vec<_> = vectors().into_iter().filter(|vector| vector.timestamp().is_some()).collect();
    assert_eq!(timed.len(), 6);
    for vector in timed {
        let credentials = credentials(&vector.scheme(), &[&vector.secret]);
        let at = |offset| verify(&credentials, &vector.delivery(), vector.moment(offset));
        for offset in [-300, -299, 0, 299, 300] {
            assert_eq!(at(offset), Ok(()), "{} {offset}", vector.name);
        }
        for offset in [-301, 301, 86_400, -vector.at] {
            assert_eq!(at(offset), Err(Refusal::Stale), "{} {offset}", vector.name);
        }
    }
}

#[test]
fn a_timestamp_is_covered_by_the_signature_and_is_a_number() {
    for vector in vectors() {
        let Some(header) = vector.timestamp() else { continue };
        let with = |text: &str| vector.judge(|delivery| set(delivery, header, text));
        assert_eq!(with(&(vector.at + 1).to_string()), Err(Refusal::Wrong), "{}", vector.name);
        assert_eq!(with(&format!("0{}", vector.at)), Err(Refusal::Wrong), "{}", vector.name);
        for text in ["", "soon", "+1531420618", "-1531420618", "1531420618.0", "99999999999999999999"] {
            let malformed = Err(Refusal::Malformed(header.to_owned().into()));
            assert_eq!(with(text), malformed, "{} {text}", vector.name);
        }
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the other implementation reads the clock itself")]
fn another_implementation_believes_what_we_sign() {
    let body = "command=%2Fostler&text=help";
    let secret = vector("slack").secret;
    let delivery = Delivery { body: body.into(), ..Delivery::default() };
    let headers = sign(&SLACK, &secret, &delivery, Timestamp::now()).unwrap();
    let other = SlackEventSignatureVerifier::new(&secret.into());
    assert!(other.verify(&headers[1].1, body, &headers[0].1).is_ok());
    assert!(other.verify(&headers[1].1, "command=%2Fother", &headers[0].1).is_err());
}
