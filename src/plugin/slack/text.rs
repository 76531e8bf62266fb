//! Slack's way of writing text: three escaped characters, and angle brackets around what is not text.

/// A text as its author typed it: people as `@U1`, channels as `#name`, links as their address.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        plain.push_str(before);
        let Some((reference, after)) = after.split_once('>') else {
            plain.push('<');
            rest = after;
            continue;
        };
        plain.push_str(&said(reference));
        rest = after;
    }
    plain.push_str(rest);
    // The ampersand comes last, or `&amp;lt;` would lose two layers.
    plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// A text as Slack wants it, with nothing in it that Slack would read as a reference.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// How a person would write what stands between angle brackets.
fn said(reference: &str) -> String {
    let (target, label) = reference.split_once('|').map_or((reference, None), |(a, b)| (a, Some(b)));
    let shown = |mark: char, id: &str| format!("{mark}{}", label.unwrap_or(id).trim_start_matches(mark));
    if target.starts_with('@') {
        return target.to_owned();
    }
    if let Some(channel) = target.strip_prefix('#') {
        return shown('#', channel);
    }
    if let Some(group) = target.strip_prefix('!') {
        return shown('@', group);
    }
    target.strip_prefix("mailto:").unwrap_or(target).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_become_what_a_person_would_type() {
        let text = "<@U0BOT> ask <@U1|ada> in <#C1|shop-dev>, see <https://x.test/?a=1&amp;b=2|here>, <!here> &lt;b&gt;";
        assert_eq!(plain(text), "@U0BOT ask @U1 in #shop-dev, see https://x.test/?a=1&b=2, @here <b>");
        assert_eq!(plain("<mailto:a@b.test|a@b.test> 1 < 2 &amp;lt;"), "a@b.test 1 < 2 &lt;");
        assert_eq!(plain("<#C1> <!subteam^S1|@devs>"), "#C1 @devs");
    }

    #[test]
    fn an_escaped_text_holds_no_reference() {
        assert_eq!(escape("<!channel> & co"), "&lt;!channel&gt; &amp; co");
        assert_eq!(plain(&escape("a < b & c > d")), "a < b & c > d");
    }
}
