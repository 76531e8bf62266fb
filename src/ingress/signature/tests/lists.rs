//! Headers that hold several signatures, of which one must fit.

use super::*;

#[test]
fn one_fitting_entry_suffices_and_other_versions_are_passed_over() {
    for name in ["standard, first", "standard, public key"] {
        let vector = vector(name);
        for before in ["v1,g0hM9SsE+OTPJTGt/dummy", "v9,zz", "v1a,", "v1,", "nonsense", "v1", ","] {
            let verdict = vector.with_signature(|text| format!("{before} {text}"));
            assert_eq!(verdict, Ok(()), "{name}: {before}");
            assert_eq!(vector.with_signature(|text| format!("{text} {before}")), Ok(()), "{name}: {before}");
        }
    }
    let vector = vector("pagerduty");
    let zeros = format!("v1={}", "0".repeat(64));
    for before in [zeros.as_str(), "v0=00", "v2=ff", "v1=", "nonsense", ""] {
        assert_eq!(vector.with_signature(|text| format!("{before},{text}")), Ok(()), "{before}");
        assert_eq!(vector.with_signature(|text| format!("{text}, {before}")), Ok(()), "{before}");
    }
}

#[test]
fn an_entry_of_another_version_proves_nothing() {
    let standard = vector("standard, first");
    let malformed = Err(Refusal::Malformed("webhook-signature".into()));
    for version in ["v1a", "v2", "V1", ""] {
        assert_eq!(standard.with_signature(|text| text.replace("v1,", &format!("{version},"))), {
            malformed.clone()
        });
    }
    assert!(standard.with_signature(|_| "v1,".to_owned()).is_err());
    let truncated = standard.with_signature(|text| text[..text.len() - 4].to_owned());
    assert_eq!(truncated, Err(Refusal::Wrong));
    // The key of one version is none of the other.
    let public = vector("standard, public key");
    assert_eq!(public.with_signature(|text| text.replace("v1a,", "v1,")), malformed);
    let pagerduty = vector("pagerduty").with_signature(|text| text.replace("v1=", "v2="));
    assert_eq!(pagerduty, Err(Refusal::Malformed("X-PagerDuty-Signature".into())));
}

#[test]
fn a_list_is_not_gone_through_for_ever() {
    let standard = |count: usize| format!("v1,{} ", "A".repeat(44)).repeat(count);
    let pagerduty = |count: usize| format!("v1={},", "0".repeat(64)).repeat(count);
    let cases: [(&str, &dyn Fn(usize) -> String); 2] =
        [("standard, first", &standard), ("pagerduty", &pagerduty)];
    for (name, wrong) in cases {
        let vector = vector(name);
        let behind = |count| vector.with_signature(|text| format!("{}{text}", wrong(count)));
        assert_eq!(behind(headers::MOST - 1), Ok(()), "{name}");
        assert_eq!(behind(headers::MOST), Err(Refusal::Malformed(vector.signature().0.to_owned().into())));
    }
}

#[test]
fn an_id_is_covered_by_the_signature_and_has_no_dot() {
    let vector = vector("standard, first");
    let with = |id: &str| vector.judge(|delivery| set(delivery, "webhook-id", id));
    assert_eq!(with("msg_other"), Err(Refusal::Wrong));
    for id in ["", ".", "msg.1614265330"] {
        assert_eq!(with(id), Err(Refusal::Malformed("webhook-id".into())), "{id}");
    }
}

#[test]
fn a_dot_in_an_id_would_move_the_border_to_the_body() {
    // The sender signed `a.1614265330.1614265330.{}`: as the id `a`, or as the id `a.1614265330`.
    let signed = |id: &str, body: &'static str| {
        let mut delivery = Delivery { body: body.into(), ..Delivery::default() };
        set(&mut delivery, "webhook-id", id);
        delivery
    };
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let now = Timestamp::from_second(1_614_265_330).unwrap();
    let own = signed("a", "1614265330.{}");
    let mut moved = signed("a.1614265330", "{}");
    for (name, value) in sign(&STANDARD, secret, &own, now).unwrap() {
        if name != "webhook-id" {
            set(&mut moved, &name, &value);
        }
    }
    let verdict = verify(&credentials(&STANDARD, &[secret]), &moved, now);
    assert_eq!(verdict, Err(Refusal::Malformed("webhook-id".into())));
}

#[test]
fn a_secret_without_a_key_is_none() {
    let vector = vector("standard, first");
    for secret in ["whsec_", "whpk_", "whsk_", "whsec_***", "whsk_AA=="] {
        assert_eq!(vector.judge_by(&[secret]), Err(Refusal::NoSecret), "{secret}");
    }
    // The prefix may be left out; the key is the decoded text, never the text itself.
    assert_eq!(vector.judge_by(&[&vector.secret["whsec_".len()..]]), Ok(()));
    let mut by_text = vector.delivery();
    let mac = Mac { encoding: Encoding::Base64, ..Mac::sha256("webhook-signature", "v1,") };
    let text = [&b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330."[..], vector.body.as_bytes()].concat();
    let signed = Delivery { body: text.into(), ..Delivery::default() };
    for (name, value) in sign(&Scheme::Mac(mac), &vector.secret, &signed, vector.moment(0)).unwrap() {
        set(&mut by_text, &name, &value);
    }
    let verdict = verify(&credentials(&STANDARD, &[&vector.secret]), &by_text, vector.moment(0));
    assert_eq!(verdict, Err(Refusal::Wrong));
}
