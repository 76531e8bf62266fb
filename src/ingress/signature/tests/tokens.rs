//! Secrets that are sent as they are, and several schemes on one surface.

use super::*;

fn token(header: &'static str, prefix: &'static str) -> Scheme {
    Scheme::Token { header: header.into(), prefix, unless: Some("webhook-signature") }
}

fn judge(scheme: &Scheme, secret: &str, headers: &[(&str, &str)]) -> Result<(), Refusal> {
    let mut delivery = Delivery { body: "{}".into(), ..Delivery::default() };
    for (name, value) in headers {
        let name = HeaderName::try_from(*name).unwrap();
        delivery.headers.append(name, HeaderValue::try_from(*value).unwrap());
    }
    verify(&credentials(scheme, &[secret]), &delivery, Timestamp::UNIX_EPOCH)
}

#[test]
fn a_token_is_there_once_behind_its_prefix_and_whole() {
    let scheme = token("Authorization", "Bearer ");
    let with = |value: &str| judge(&scheme, "a token", &[("Authorization", value)]);
    assert_eq!(with("Bearer a token"), Ok(()));
    for wrong in
        ["Bearer a toke", "Bearer a tokens", "Bearer A token", "Bearer  a token", "Bearer ", "Bearer b token"]
    {
        assert_eq!(with(wrong), Err(Refusal::Wrong), "{wrong}");
    }
    for odd in ["a token", "bearer a token", "Basic a token", ""] {
        assert_eq!(with(odd), Err(Refusal::Malformed("Authorization".into())), "{odd}");
    }
    assert_eq!(judge(&scheme, "a token", &[]), Err(Refusal::Missing("Authorization".into())));
    let twice = [("Authorization", "Bearer a token"), ("authorization", "Bearer a token")];
    assert_eq!(judge(&scheme, "a token", &twice), Err(Refusal::Repeated("Authorization".into())));
    for secret in ["", " "] {
        assert_eq!(judge(&scheme, secret, &[("Authorization", "Bearer ")]), Err(Refusal::NoSecret));
    }
    // What a sender cannot send is not cut down to what it can.
    assert_eq!(judge(&scheme, "a token\n", &[("Authorization", "Bearer a token")]), Err(Refusal::Wrong));
}

#[test]
fn what_carries_a_signature_never_falls_back_to_the_token() {
    let scheme = token("X-Gitlab-Token", "");
    let own = ("X-Gitlab-Token", "t");
    assert_eq!(judge(&scheme, "t", &[own]), Ok(()));
    for signature in ["", "v1,AAAA", "anything"] {
        assert_eq!(judge(&scheme, "t", &[own, ("webhook-signature", signature)]), Err(Refusal::Wrong));
    }
}

#[test]
fn several_schemes_on_one_surface_each_believe_their_own() {
    let vector = vector("gitlab signing token");
    let both = [credentials(&STANDARD, &[&vector.secret]), credentials(&token("X-Gitlab-Token", ""), &["t"])];
    let both = both.concat();
    let judge = |delivery: &Delivery| verify(&both, delivery, vector.moment(0));
    let signed = vector.delivery();
    assert_eq!(judge(&signed), Ok(()));
    let mut plain = Delivery { body: signed.body.clone(), ..Delivery::default() };
    set(&mut plain, "X-Gitlab-Token", "t");
    assert_eq!(judge(&plain), Ok(()));
    // A right token beside a wrong signature, and beside half of one.
    let mut mixed = signed;
    set(&mut mixed, "X-Gitlab-Token", "t");
    assert_eq!(judge(&mixed), Ok(()));
    mixed.body = "{}".into();
    assert_eq!(judge(&mixed), Err(Refusal::Wrong));
    mixed.headers.remove("webhook-id");
    assert_eq!(judge(&mixed), Err(Refusal::Wrong));
}

#[test]
fn whoever_came_closest_says_why_not() {
    let schemes = [credentials(&GITHUB, &["s"]), credentials(&SLACK, &["s"])].concat();
    let delivery = vector("slack").delivery();
    let late = vector("slack").moment(301);
    assert_eq!(verify(&schemes, &delivery, late), Err(Refusal::Stale));
    assert_eq!(verify(&schemes, &delivery, vector("slack").moment(0)), Err(Refusal::Wrong));
    assert_eq!(
        verify(&schemes, &Delivery::default(), late),
        Err(Refusal::Missing("X-Slack-Request-Timestamp".into()))
    );
    assert_eq!(verify(&[], &delivery, late), Err(Refusal::NoSecret));
}
