//! Object literals of JavaScript and TypeScript, as far as they are literal.
//!
//! Understood: strings, templates, numbers, objects, lists, `process.env.X` in its usual
//! ways with `!`, `as string` and a literal behind `??` or `||`, and names of constants of
//! the same file. Everything else is [`Value::Computed`]: it is never run and never guessed.

use std::collections::HashMap;

use super::address::Text;

/// What a configuration file says at one place.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(Text),
    Object(Vec<(String, Value)>),
    List,
    Computed,
}

impl Value {
    /// The value of an object's key.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Object(pairs) => pairs.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value),
            Value::Text(_) | Value::List | Value::Computed => None,
        }
    }

    /// The text of an object's key, without variables.
    pub(super) fn plain(&self, name: &str) -> Option<String> {
        match self.get(name)? {
            Value::Text(text) => text.plain(),
            Value::Object(_) | Value::List | Value::Computed => None,
        }
    }

    /// The text of an object's key.
    pub(super) fn text(&self, name: &str) -> Option<Text> {
        match self.get(name)? {
            Value::Text(text) => Some(text.clone()),
            Value::Object(_) | Value::List | Value::Computed => None,
        }
    }
}

/// Deeper than any configuration, shallower than any stack.
const DEEPEST: usize = 64;

/// How many brackets may stand around a configuration.
const OUTERMOST: usize = 8;

/// More constants than a configuration has.
const CONSTANTS: usize = 200;

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(Text),
    /// A template in which something is computed.
    Computed,
    Sign(char),
    /// `??`, `||`.
    Or,
    Line,
}

/// The first object literal of `text` that has one of `keys`; `None` where there is none.
pub(super) fn object(text: &str, keys: &[&str]) -> Option<Value> {
    let tokens = tokens(text);
    let mut reader = Reader { tokens: &tokens, at: 0, constants: HashMap::new() };
    reader.read_constants();
    let mut depth = 0_usize;
    for at in 0..tokens.len() {
        match tokens[at] {
            Token::Sign('{' | '(' | '[') => depth += 1,
            Token::Sign('}' | ')' | ']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        // Without this bound a file of braces alone would be read once for each of them.
        if depth > OUTERMOST {
            continue;
        }
        let begins = match at.checked_sub(1).map(|before| &tokens[before]) {
            None => true,
            Some(Token::Sign(sign)) => ['(', '=', ':', ',', '['].contains(sign),
            Some(Token::Word(word)) => ["default", "return"].contains(&word.as_str()),
            Some(Token::Line) => true,
            Some(Token::Text(_) | Token::Computed | Token::Or) => false,
        };
        if !begins || tokens[at] != Token::Sign('{') {
            continue;
        }
        // Only what names a key right behind its brace or a comma is worth reading in full.
        reader.at = at;
        if !reader.has_key(keys) {
            continue;
        }
        let value = reader.value(0);
        if keys.iter().any(|key| value.get(key).is_some()) {
            return Some(value);
        }
    }
    None
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    constants: HashMap<String, Value>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn takes(&mut self, sign: char) -> bool {
        let there = self.peek() == Some(&Token::Sign(sign));
        self.at += usize::from(there);
        there
    }

    fn word(&mut self) -> Option<String> {
        let Some(Token::Word(word)) = self.peek() else { return None };
        let word = word.clone();
        self.at += 1;
        Some(word)
    }

    fn lines(&mut self) {
        while self.peek() == Some(&Token::Line) {
            self.at += 1;
        }
    }

    /// Whether one of `keys` stands at the top of the object that begins here.
    fn has_key(&self, keys: &[&str]) -> bool {
        let mut depth = 0;
        for (at, token) in self.tokens.iter().enumerate().skip(self.at) {
            match token {
                Token::Sign('{' | '(' | '[') => depth += 1,
                Token::Sign('}' | ')' | ']') if depth == 1 => return false,
                Token::Sign('}' | ')' | ']') => depth -= 1,
                Token::Word(word) if depth == 1 && keys.contains(&word.as_str()) => return true,
                Token::Text(text) if depth == 1 && self.tokens.get(at + 1) == Some(&Token::Sign(':')) => {
                    if text.plain().is_some_and(|text| keys.contains(&text.as_str())) {
                        return true;
                    }
                }
                Token::Word(_)
                | Token::Text(_)
                | Token::Computed
                | Token::Sign(_)
                | Token::Or
                | Token::Line => {}
            }
        }
        false
    }

    /// `const NAME = VALUE` of the whole file; a name that is given twice is known of neither.
    fn read_constants(&mut self) {
        let mut twice = Vec::new();
        let mut left = CONSTANTS;
        while self.at < self.tokens.len() && left > 0 {
            let is_const = self.peek() == Some(&Token::Word("const".to_owned()));
            self.at += 1;
            if !is_const {
                continue;
            }
            left -= 1;
            let Some(name) = self.word() else { continue };
            // A type may stand between the name and its value.
            while let Some(token) = self.peek() {
                match token {
                    Token::Sign('=' | ';' | '{' | '(') | Token::Line => break,
                    Token::Sign(_) | Token::Word(_) | Token::Text(_) | Token::Computed | Token::Or => {
                        self.at += 1
                    }
                }
            }
            if !self.takes('=') {
                continue;
            }
            let begin = self.at;
            let value = self.value(0);
            // What stands inside may declare names of its own.
            self.at = begin;
            if self.constants.insert(name.clone(), value).is_some() {
                twice.push(name);
            }
        }
        for name in twice {
            self.constants.insert(name, Value::Computed);
        }
    }

    /// The expression that begins here, up to what ends it.
    fn value(&mut self, depth: usize) -> Value {
        self.lines();
        let value = if depth > DEEPEST { Value::Computed } else { self.primary(depth) };
        let value = self.suffix(value);
        if self.at_end() {
            return value;
        }
        self.skip();
        Value::Computed
    }

    fn primary(&mut self, depth: usize) -> Value {
        match self.peek().cloned() {
            Some(Token::Text(text)) => {
                self.at += 1;
                Value::Text(text)
            }
            Some(Token::Sign('{')) => self.object(depth),
            Some(Token::Sign('[')) => {
                self.at += 1;
                loop {
                    self.lines();
                    if self.takes(']') || self.peek().is_none() {
                        return Value::List;
                    }
                    self.value(depth + 1);
                    self.lines();
                    if !self.takes(',') && self.peek() != Some(&Token::Sign(']')) {
                        return Value::Computed;
                    }
                }
            }
            Some(Token::Word(word)) => self.named(&word, depth),
            Some(Token::Computed) => {
                self.at += 1;
                Value::Computed
            }
            Some(Token::Sign(_) | Token::Or | Token::Line) | None => Value::Computed,
        }
    }

    /// A variable, a constant of the file, or a number.
    fn named(&mut self, word: &str, depth: usize) -> Value {
        if let Some((name, taken)) = variable(&self.tokens[self.at..]) {
            self.at += taken;
            return Value::Text(Text::variable(name));
        }
        self.at += 1;
        // `defineConfig({..})` gives what it is given.
        if word == "defineConfig" && self.takes('(') {
            let value = self.value(depth + 1);
            self.lines();
            self.takes(',');
            self.lines();
            return if self.takes(')') { value } else { Value::Computed };
        }
        if word.starts_with(|c: char| c.is_ascii_digit()) || ["true", "false"].contains(&word) {
            return Value::Text(Text::literal(word));
        }
        self.constants.get(word).cloned().unwrap_or(Value::Computed)
    }

    /// `!`, `as string`, `?? "literal"`.
    fn suffix(&mut self, value: Value) -> Value {
        let mut value = value;
        loop {
            match self.peek() {
                Some(Token::Sign('!')) => self.at += 1,
                Some(Token::Word(word)) if word == "as" || word == "satisfies" => {
                    self.at += 1;
                    while let Some(Token::Word(_) | Token::Sign('.')) = self.peek() {
                        self.at += 1;
                    }
                }
                Some(Token::Or) => {
                    self.at += 1;
                    self.lines();
                    let other = self.peek().cloned();
                    value = match (value, other) {
                        (Value::Text(text), Some(Token::Text(other))) if text.only_variable().is_some() => {
                            self.at += 1;
                            match other.plain() {
                                Some(other) if other.is_empty() => Value::Text(text),
                                Some(other) => Value::Text(text.or(&other)),
                                None => Value::Computed,
                            }
                        }
                        _ => Value::Computed,
                    };
                }
                Some(Token::Line) => {
                    // `??` may begin the next line.
                    let next = self.tokens[self.at..].iter().position(|token| *token != Token::Line);
                    match next.map(|next| (next, &self.tokens[self.at + next])) {
                        Some((next, Token::Or)) => self.at += next,
                        _ => return value,
                    }
                }
                _ => return value,
            }
        }
    }

    fn object(&mut self, depth: usize) -> Value {
        self.at += 1;
        let mut pairs = Vec::new();
        loop {
            self.lines();
            let key = match self.peek().cloned() {
                None => return Value::Object(pairs),
                Some(Token::Sign('}')) => {
                    self.at += 1;
                    return Value::Object(pairs);
                }
                Some(Token::Word(word)) => Some(word),
                Some(Token::Text(text)) => text.plain(),
                Some(Token::Computed | Token::Sign(_) | Token::Or | Token::Line) => None,
            };
            match key {
                Some(key) => {
                    self.at += 1;
                    let value = if self.takes(':') {
                        self.value(depth + 1)
                    } else if self.at_end() {
                        // `{ url }`
                        self.constants.get(&key).cloned().unwrap_or(Value::Computed)
                    } else {
                        self.skip();
                        Value::Computed
                    };
                    pairs.push((key, value));
                }
                None => self.skip(),
            }
            self.lines();
            if !self.takes(',') && !matches!(self.peek(), Some(Token::Sign('}')) | None) {
                self.skip();
                self.takes(',');
            }
        }
    }

    /// Whether an expression can end here.
    fn at_end(&self) -> bool {
        matches!(self.peek(), None | Some(Token::Sign(',' | '}' | ')' | ']' | ';') | Token::Line))
    }

    /// Goes on behind what is not understood: to the comma or bracket that ends it. A line's
    /// end does not: what was not understood may go on.
    fn skip(&mut self) {
        let mut depth = 0;
        while let Some(token) = self.peek() {
            match token {
                Token::Sign('{' | '(' | '[') => depth += 1,
                Token::Sign('}' | ')' | ']' | ',' | ';') if depth == 0 => return,
                Token::Sign('}' | ')' | ']') => depth -= 1,
                Token::Sign(_)
                | Token::Word(_)
                | Token::Text(_)
                | Token::Computed
                | Token::Or
                | Token::Line => {}
            }
            self.at += 1;
        }
    }
}

/// The variable that an expression names, and how many tokens say so: `process.env.X`,
/// `process.env["X"]`, `Bun.env.X`, `import.meta.env.X`, `Deno.env.get("X")`, `env("X")`.
fn variable(tokens: &[Token]) -> Option<(String, usize)> {
    let word = |at: usize| match tokens.get(at) {
        Some(Token::Word(word)) => Some(word.as_str()),
        _ => None,
    };
    let sign = |at: usize, sign: char| tokens.get(at) == Some(&Token::Sign(sign));
    let quoted = |at: usize| match tokens.get(at) {
        Some(Token::Text(text)) => text.plain(),
        _ => None,
    };
    if word(0) == Some("env") && sign(1, '(') && sign(3, ')') {
        return Some((quoted(2)?, 4));
    }
    let at = match (word(0)?, word(2)) {
        ("process" | "Bun" | "Deno", Some("env")) if sign(1, '.') => 3,
        ("import", Some("meta")) if sign(1, '.') && sign(3, '.') && word(4) == Some("env") => 5,
        _ => return None,
    };
    if sign(at, '.') && word(at + 1) == Some("get") && sign(at + 2, '(') && sign(at + 4, ')') {
        return Some((quoted(at + 3)?, at + 5));
    }
    if sign(at, '.') {
        return Some((word(at + 1)?.to_owned(), at + 2));
    }
    (sign(at, '[') && sign(at + 2, ']')).then_some(())?;
    Some((quoted(at + 1)?, at + 3))
}

fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match c {
            '\n' => {
                found.push(Token::Line);
                after
            }
            c if c.is_whitespace() => after,
            '/' if after.starts_with('/') => &rest[rest.find('\n').unwrap_or(rest.len())..],
            '/' if after.starts_with('*') => match after[1..].find("*/") {
                Some(end) => &after[end + 3..],
                None => "",
            },
            '"' | '\'' | '`' => {
                let (token, end) = quoted(after, c);
                found.push(token);
                &after[end..]
            }
            '?' if after.starts_with('?') => {
                found.push(Token::Or);
                &after[1..]
            }
            '|' if after.starts_with('|') => {
                found.push(Token::Or);
                &after[1..]
            }
            // `process.env?.X` reads as `process.env.X`.
            '?' if after.starts_with('.') => after,
            c if c.is_alphanumeric() || c == '_' || c == '$' => {
                let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'));
                let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
                found.push(Token::Word(word.to_owned()));
                after
            }
            c => {
                found.push(Token::Sign(c));
                after
            }
        };
    }
    found
}

/// The string or template that `body` begins with, and where what follows it begins. A
/// string without an end is nobody's value.
fn quoted(body: &str, quote: char) -> (Token, usize) {
    let mut text = Text::default();
    let mut literal = String::new();
    let mut computed = false;
    let mut behind = 0;
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            _ if at < behind => {}
            c if c == quote => {
                let text = text.then(Text::literal(literal));
                return (if computed { Token::Computed } else { Token::Text(text) }, at + 1);
            }
            '\n' if quote != '`' => return (Token::Computed, at),
            '\\' => match chars.next() {
                Some((_, 'n')) => literal.push('\n'),
                Some((_, 't')) => literal.push('\t'),
                // Codes of characters: nobody writes a URL so.
                Some((_, 'x' | 'u')) => computed = true,
                Some((_, c)) => literal.push(c),
                None => {}
            },
            '$' if quote == '`' && body[at + 1..].starts_with('{') => {
                let inside = &body[at + 2..];
                let Some(end) = inside.find('}') else { return (Token::Computed, body.len()) };
                let inner = tokens(&inside[..end]);
                match variable(&inner) {
                    Some((name, taken)) if inner[taken..].iter().all(|t| *t == Token::Sign('!')) => {
                        text = text.then(Text::literal(std::mem::take(&mut literal)));
                        text = text.then(Text::variable(name));
                    }
                    _ => computed = true,
                }
                behind = at + 2 + end + 1;
            }
            c => literal.push(c),
        }
    }
    (Token::Computed, body.len())
}

#[cfg(test)]
mod tests;
