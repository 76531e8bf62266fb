//! Documents of GraphQL, as far as a client writes them that asks one operation at a time: fields with arguments
//! and other names, variables, and no fragments or directives.

use std::iter::Peekable;
use std::vec::IntoIter;

use regex::Regex;
use serde_json::{Map, Value};
use std::sync::LazyLock;

use super::Refusal;

/// One operation.
#[derive(Debug)]
pub(super) struct Document {
    /// Whether it changes something.
    pub(super) mutation: bool,
    pub(super) fields: Vec<Field>,
}

/// A field that is asked for.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    /// What it is called in the answer.
    pub(super) key: String,
    /// Its arguments, with the variables put in.
    pub(super) arguments: Map<String, Value>,
    /// What is asked for of it.
    pub(super) fields: Vec<Self>,
}

static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"[\s,]+|(?<token>[{}()\[\]:!$=@]|\.\.\.|"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|[A-Za-z_]\w*)"#)
        .expect("a constant pattern")
});

/// Reads a document.
pub(super) fn read(text: &str, variables: &Map<String, Value>) -> Result<Document, Refusal> {
    let mut reader = Reader { rest: tokens(text)?.into_iter().peekable(), declared: Map::new() };
    let mutation = match reader.next()?.as_str() {
        "mutation" => true,
        "query" => false,
        other => return Err(unexpected(other)),
    };
    if reader.takes("(") {
        reader.declare(variables)?;
    }
    reader.expect("{")?;
    let fields = reader.fields()?;
    match reader.rest.next() {
        None => Ok(Document { mutation, fields }),
        Some(more) => Err(unexpected(&more)),
    }
}

fn tokens(text: &str) -> Result<Vec<String>, Refusal> {
    let (mut tokens, mut done) = (Vec::new(), 0);
    for found in TOKEN.captures_iter(text) {
        let whole = found.get_match();
        if whole.start() != done {
            break;
        }
        done = whole.end();
        tokens.extend(found.name("token").map(|token| token.as_str().to_owned()));
    }
    if done == text.len() { Ok(tokens) } else { Err(unexpected(&text[done..])) }
}

fn unexpected(token: &str) -> Refusal {
    Refusal::invalid(format!("Syntax Error: Unexpected \"{token}\"."))
}

/// What is left of a document, and its variables' values.
struct Reader {
    rest: Peekable<IntoIter<String>>,
    declared: Map<String, Value>,
}

impl Reader {
    fn next(&mut self) -> Result<String, Refusal> {
        self.rest.next().ok_or_else(|| unexpected("<EOF>"))
    }

    fn takes(&mut self, token: &str) -> bool {
        self.rest.next_if(|next| next == token).is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), Refusal> {
        let next = self.next()?;
        if next == token { Ok(()) } else { Err(unexpected(&next)) }
    }

    /// Names and types of the variables; one whose type ends with `!` must be given.
    fn declare(&mut self, given: &Map<String, Value>) -> Result<(), Refusal> {
        while !self.takes(")") {
            self.expect("$")?;
            let name = self.next()?;
            self.expect(":")?;
            let mut last = String::new();
            while self.rest.peek().is_some_and(|next| next != "$" && next != ")") {
                last = self.next()?;
            }
            let value = given.get(&name).cloned().unwrap_or_default();
            if last == "!" && value.is_null() {
                let message = format!("Variable \"${name}\" of required type was not provided.");
                return Err(Refusal::invalid(message));
            }
            self.declared.insert(name, value);
        }
        Ok(())
    }

    /// The fields up to the brace that closes them.
    fn fields(&mut self) -> Result<Vec<Field>, Refusal> {
        let mut fields = Vec::new();
        while !self.takes("}") {
            fields.push(self.field()?);
        }
        if fields.is_empty() { Err(unexpected("}")) } else { Ok(fields) }
    }

    fn field(&mut self) -> Result<Field, Refusal> {
        let key = self.name()?;
        let name = if self.takes(":") { self.name()? } else { key.clone() };
        let arguments = if self.takes("(") { self.members(")")? } else { Map::new() };
        let fields = if self.takes("{") { self.fields()? } else { Vec::new() };
        Ok(Field { name, key, arguments, fields })
    }

    fn name(&mut self) -> Result<String, Refusal> {
        let token = self.next()?;
        let begins = token.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        if begins { Ok(token) } else { Err(unexpected(&token)) }
    }

    /// Pairs of name and value up to what closes them.
    fn members(&mut self, end: &str) -> Result<Map<String, Value>, Refusal> {
        let mut members = Map::new();
        while !self.takes(end) {
            let name = self.name()?;
            self.expect(":")?;
            members.insert(name, self.value()?);
        }
        Ok(members)
    }

    fn value(&mut self) -> Result<Value, Refusal> {
        let token = self.next()?;
        match token.as_str() {
            "$" => {
                let name = self.name()?;
                let missing = || Refusal::invalid(format!("Variable \"${name}\" is not defined."));
                self.declared.get(&name).cloned().ok_or_else(missing)
            }
            "{" => Ok(Value::Object(self.members("}")?)),
            "[" => {
                let mut items = Vec::new();
                while !self.takes("]") {
                    items.push(self.value()?);
                }
                Ok(items.into())
            }
            // Texts, numbers and the like are written as in JSON; what is not is one of some words.
            other => Ok(serde_json::from_str(other).unwrap_or_else(|_| other.into())),
        }
    }
}
