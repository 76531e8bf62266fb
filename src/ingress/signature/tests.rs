use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::SecretString;
use slack_morphism::signature_verifier::SlackEventSignatureVerifier;

use super::*;
use crate::plugin::scheme::Mac;

const GITHUB: Scheme = Scheme::Mac(Mac::sha256("X-Hub-Signature-256", "sha256="));
const JIRA: Scheme = Scheme::Mac(Mac::sha256("X-Hub-Signature", "sha256="));
const SLACK: Scheme = Scheme::Timed {
    header: "X-Slack-Signature",
    timestamp: "X-Slack-Request-Timestamp",
    version: "v0",
    window: 300,
};

const EVERYBODY: &str = "It's a Secret to Everybody";
const SLACK_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const SLACK_STAMP: i64 = 1_531_420_618;

/// A delivery with what its sender published about it.
struct Vector {
    scheme: Scheme,
    secret: &'static str,
    body: &'static [u8],
    headers: Vec<(&'static str, String)>,
}

/// The vendors' own published vectors, and one on whose body re-serialising gives another digest.
fn vectors() -> Vec<Vector> {
    let body = |scheme, header, body: &'static str, digits: &str| Vector {
        scheme,
        secret: EVERYBODY,
        body: body.as_bytes(),
        headers: vec![(header, format!("sha256={digits}"))],
    };
    vec![
        body(
            GITHUB,
            "X-Hub-Signature-256",
            "Hello, World!",
            "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        ),
        body(
            JIRA,
            "X-Hub-Signature",
            "Hello World!",
            "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9",
        ),
        body(
            GITHUB,
            "X-Hub-Signature-256",
            r#"{"title":"naïve 🦀 \u00e9"}"#,
            "29b47752cfddf676ee87a926b5b67749fba4493ab990d0b017c2faa605363220",
        ),
        Vector {
            scheme: SLACK,
            secret: SLACK_SECRET,
            body: b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V\
                &channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=\
                &response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
                &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
            headers: vec![
                ("X-Slack-Request-Timestamp", SLACK_STAMP.to_string()),
                (
                    "X-Slack-Signature",
                    "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503".to_owned(),
                ),
            ],
        },
    ]
}

impl Vector {
    fn delivery(&self) -> Delivery {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(value).unwrap());
        }
        Delivery { headers, body: self.body.into(), ..Delivery::default() }
    }

    fn signature_header(&self) -> &'static str {
        self.headers.last().unwrap().0
    }

    /// The verdict on a delivery that differs from the vector's.
    fn judge(&self, change: impl FnOnce(&mut Delivery)) -> Result<(), Refusal> {
        let mut delivery = self.delivery();
        change(&mut delivery);
        verify(&credentials(&self.scheme, &[self.secret]), &delivery, stamp(0))
    }

    /// The verdict on the vector's delivery with another signature.
    fn with_signature(&self, change: impl FnOnce(&str) -> String) -> Result<(), Refusal> {
        let header = self.signature_header();
        self.judge(|delivery| {
            let value = change(delivery.header(header).unwrap());
            delivery.headers.insert(header, HeaderValue::try_from(value).unwrap());
        })
    }
}

/// Credentials as they might be configured, empty secrets and all.
fn credentials(scheme: &Scheme, texts: &[&str]) -> Vec<Credential> {
    let credential = |text: &&str| Credential { scheme: scheme.clone(), secret: SecretString::from(*text) };
    texts.iter().map(credential).collect()
}

/// So many seconds after Slack's vector was signed.
fn stamp(offset: i64) -> Timestamp {
    Timestamp::from_second(SLACK_STAMP + offset).unwrap()
}

#[test]
fn published_vectors_are_believed_and_made() {
    for vector in vectors() {
        assert_eq!(vector.judge(|_| ()), Ok(()));
        let made = sign(&vector.scheme, vector.secret, &vector.delivery(), stamp(0)).unwrap();
        let published: Vec<_> =
            vector.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        assert_eq!(made, published);
    }
}

#[test]
fn one_changed_bit_of_the_body_is_refused() {
    for vector in vectors() {
        for at in 0..vector.body.len() {
            let mut body = vector.body.to_vec();
            body[at] ^= 1;
            assert_eq!(vector.judge(|delivery| delivery.body = body.into()), Err(Refusal::Wrong));
        }
    }
}

#[test]
fn a_reserialised_body_is_refused() {
    let vector = &vectors()[2];
    let value: serde_json::Value = serde_json::from_slice(vector.body).unwrap();
    assert_eq!(vector.judge(|d| d.body = value.to_string().into()), Err(Refusal::Wrong));
}

#[test]
fn one_changed_digit_is_refused() {
    for vector in vectors() {
        let verdict = vector.with_signature(|text| {
            let (head, last) = text.split_at(text.len() - 1);
            format!("{head}{}", if last == "0" { "1" } else { "0" })
        });
        assert_eq!(verdict, Err(Refusal::Wrong));
    }
}

#[test]
fn another_form_of_signature_is_refused() {
    for vector in vectors() {
        let malformed = Err(Refusal::Malformed(vector.signature_header().into()));
        let digits = |text: &str| text.split_once('=').unwrap().1.to_owned();
        assert_eq!(vector.with_signature(|text| format!("sha1={}", digits(text))), malformed);
        assert_eq!(vector.with_signature(|text| format!("SHA256={}", digits(text))), malformed);
        assert_eq!(vector.with_signature(digits), malformed);
        assert_eq!(vector.with_signature(|text| text[..text.len() - 2].to_owned()), malformed);
        assert_eq!(vector.with_signature(|text| format!("{text}00")), malformed);
        assert_eq!(vector.with_signature(|text| text.replace("=", "= ")), malformed);
        assert_eq!(vector.with_signature(|_| "sha256=".to_owned()), malformed);
        assert_eq!(vector.with_signature(|_| "sha256=zz".repeat(8)), malformed);
        assert_eq!(vector.with_signature(|_| String::new()), malformed);
    }
}

#[test]
fn the_case_of_hex_digits_does_not_matter() {
    for vector in vectors() {
        let upper = vector.with_signature(|text| {
            let (scheme, digits) = text.split_once('=').unwrap();
            format!("{scheme}={}", digits.to_uppercase())
        });
        assert_eq!(upper, Ok(()));
    }
}

#[test]
fn a_missing_or_doubled_header_is_refused() {
    for vector in vectors() {
        for (name, value) in &vector.headers {
            let missing = vector.judge(|delivery| {
                delivery.headers.remove(*name);
            });
            assert_eq!(missing, Err(Refusal::Missing((*name).into())));
            let doubled = vector.judge(|delivery| {
                delivery.headers.append(*name, HeaderValue::try_from(value).unwrap());
            });
            assert_eq!(doubled, Err(Refusal::Repeated((*name).into())));
        }
    }
}

#[test]
fn a_header_that_is_no_text_is_refused() {
    for vector in vectors() {
        let header = vector.signature_header();
        let bytes = HeaderValue::from_bytes(b"sha256=\xff").unwrap();
        let verdict = vector.judge(|delivery| {
            delivery.headers.insert(header, bytes);
        });
        assert_eq!(verdict, Err(Refusal::Malformed(header.into())));
    }
}

#[test]
fn any_configured_secret_will_do_and_an_empty_one_never_does() {
    for vector in vectors() {
        let judge =
            |texts: &[&str]| verify(&credentials(&vector.scheme, texts), &vector.delivery(), stamp(0));
        assert_eq!(judge(&["old", vector.secret]), Ok(()));
        assert_eq!(judge(&[vector.secret, "new"]), Ok(()));
        assert_eq!(judge(&["", vector.secret]), Ok(()));
        assert_eq!(judge(&["old", "new"]), Err(Refusal::Wrong));
        assert_eq!(judge(&[]), Err(Refusal::NoSecret));
        assert_eq!(judge(&[""]), Err(Refusal::NoSecret));
    }
    // Even a signature that was made with the empty secret.
    let mut forged = Delivery { body: "{}".into(), ..Delivery::default() };
    for (name, value) in sign(&GITHUB, "", &forged, stamp(0)).unwrap() {
        forged.headers.insert(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
    }
    assert_eq!(verify(&credentials(&GITHUB, &[""]), &forged, stamp(0)), Err(Refusal::NoSecret));
    assert_eq!(verify(&credentials(&GITHUB, &["real", ""]), &forged, stamp(0)), Err(Refusal::Wrong));
}

#[test]
fn a_timestamp_is_good_for_five_minutes_either_way() {
    let slack = &vectors()[3];
    let at = |offset| verify(&credentials(&SLACK, &[slack.secret]), &slack.delivery(), stamp(offset));
    for offset in [-300, -299, 0, 299, 300] {
        assert_eq!(at(offset), Ok(()), "{offset}");
    }
    for offset in [-301, 301, 86_400, -SLACK_STAMP] {
        assert_eq!(at(offset), Err(Refusal::Stale), "{offset}");
    }
}

#[test]
fn a_timestamp_is_covered_by_the_signature_and_is_a_number() {
    let slack = &vectors()[3];
    let with = |text: &str| {
        slack.judge(|delivery| {
            delivery.headers.insert("X-Slack-Request-Timestamp", HeaderValue::try_from(text).unwrap());
        })
    };
    assert_eq!(with(&(SLACK_STAMP + 1).to_string()), Err(Refusal::Wrong));
    assert_eq!(with(&format!("0{SLACK_STAMP}")), Err(Refusal::Wrong));
    for text in ["", "soon", "+1531420618", "-1531420618", "1531420618.0", "99999999999999999999"] {
        assert_eq!(with(text), Err(Refusal::Malformed("X-Slack-Request-Timestamp".into())), "{text}");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the other implementation reads the clock itself")]
fn another_implementation_believes_what_we_sign() {
    let body = "command=%2Fostler&text=help";
    let delivery = Delivery { body: body.into(), ..Delivery::default() };
    let headers = sign(&SLACK, SLACK_SECRET, &delivery, Timestamp::now()).unwrap();
    let other = SlackEventSignatureVerifier::new(&SLACK_SECRET.into());
    assert!(other.verify(&headers[1].1, body, &headers[0].1).is_ok());
    assert!(other.verify(&headers[1].1, "command=%2Fother", &headers[0].1).is_err());
}
