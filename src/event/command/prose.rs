//! Which lines of a comment are its author's own words: not code, not quoted, not hidden.

/// Marks of blocks whose text is shown or hidden, not said: Markdown's HTML and Jira's wiki markup.
const BLOCKS: &[(&str, &str)] = &[
    ("<!--", "-->"),
    ("<pre", "</pre>"),
    ("<blockquote", "</blockquote>"),
    ("{code", "{code}"),
    ("{noformat}", "{noformat}"),
    ("{quote}", "{quote}"),
];

/// What the scanner is inside of.
#[derive(Debug, Clone, Copy)]
enum Inside {
    /// Nothing.
    Prose,
    /// A fenced block, until as many of the same mark.
    Fence(char, usize),
    /// A block, until its closing mark.
    Block(&'static str),
}

/// The lines of a comment that are said in their author's own words.
pub(super) fn own_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut inside = Inside::Prose;
    text.lines().filter(move |line| {
        let own = matches!(inside, Inside::Prose) && !is_shown(line);
        inside = after(inside, line);
        own
    })
}

/// Whether a line alone is code or a quotation.
fn is_shown(line: &str) -> bool {
    let quoted = line.trim_start();
    line.starts_with("    ") || line.starts_with('\t') || quoted.starts_with('>') || quoted.starts_with("bq.")
}

/// What the scanner is inside of after a line.
fn after(inside: Inside, line: &str) -> Inside {
    match inside {
        Inside::Prose => match fence(line) {
            Some((mark, length)) => Inside::Fence(mark, length),
            None => opened(line),
        },
        Inside::Fence(mark, length) => match fence(line) {
            Some((other, count)) if other == mark && count >= length && closes(line, mark) => Inside::Prose,
            _ => inside,
        },
        Inside::Block(close) => match line.split_once(close) {
            Some((_, rest)) => opened(rest),
            None => inside,
        },
    }
}

/// The block that a line of prose leaves open.
fn opened(line: &str) -> Inside {
    // What stands between backticks opens nothing.
    let plain: Vec<&str> = line.split('`').step_by(2).collect();
    let mut rest = plain.join(" ");
    loop {
        let first = BLOCKS.iter().filter_map(|block| Some((rest.find(block.0)?, block))).min_by_key(|x| x.0);
        let Some((at, (open, close))) = first else { return Inside::Prose };
        match rest[at + open.len()..].find(close) {
            Some(end) => rest = rest[at + open.len() + end + close.len()..].to_owned(),
            None => return Inside::Block(close),
        }
    }
}

/// The mark and length of a line that opens or closes a fenced block.
fn fence(line: &str) -> Option<(char, usize)> {
    let line = line.trim_start();
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = line.chars().take_while(|c| *c == mark).count();
    let info = &line[length..];
    // Backticks behind the mark make it inline code.
    (length >= 3 && !(mark == '`' && info.contains('`'))).then_some((mark, length))
}

fn closes(line: &str, mark: char) -> bool {
    line.trim().chars().all(|c| c == mark)
}
