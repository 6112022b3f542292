//! As much of JSON (RFC 8259) as a frame needs: its members as they are written, checked.

/// Deeper than the host goes.
const MAX_DEPTH: usize = 512;

pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

/// Anything that is not JSON.
#[derive(Debug, PartialEq, Eq)]
pub struct NotJson;

type Result<T> = std::result::Result<T, NotJson>;

/// The text of one whole value, without the blanks around it.
pub fn value(text: &str) -> Result<&str> {
    let mut scanner = Scanner { text, at: 0 };
    let value = scanner.value(0)?;
    scanner.end()?;
    Ok(value)
}

/// Name and value of each member of an object, which must be well-formed as a whole.
pub fn members(text: &str) -> Result<Vec<(String, &str)>> {
    let mut scanner = Scanner { text, at: 0 };
    let mut members = Vec::new();
    scanner.list(b'{', b'}', &mut |scanner| {
        let name = string(scanner.value(0)?)?;
        scanner.expect(b':')?;
        members.push((name, scanner.value(1)?));
        Ok(())
    })?;
    scanner.end()?;
    Ok(members)
}

/// The elements of an array.
pub fn elements(text: &str) -> Result<Vec<&str>> {
    let mut scanner = Scanner { text, at: 0 };
    let mut elements = Vec::new();
    scanner.list(b'[', b']', &mut |scanner| {
        elements.push(scanner.value(1)?);
        Ok(())
    })?;
    scanner.end()?;
    Ok(elements)
}

/// What a string means.
pub fn string(text: &str) -> Result<String> {
    let inside = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(NotJson)?;
    let mut out = String::with_capacity(inside.len());
    let mut chars = inside.chars();
    while let Some(char) = chars.next() {
        out.push(match char {
            '\\' => escape(&mut chars)?,
            '"' => return Err(NotJson),
            other if other < ' ' => return Err(NotJson),
            other => other,
        });
    }
    Ok(out)
}

fn escape(chars: &mut std::str::Chars<'_>) -> Result<char> {
    Ok(match chars.next().ok_or(NotJson)? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        same @ ('"' | '\\' | '/') => same,
        'u' => {
            let first = four_digits(chars)?;
            let code = match first {
                0xd800..=0xdbff => {
                    if (chars.next(), chars.next()) != (Some('\\'), Some('u')) {
                        return Err(NotJson);
                    }
                    let second = four_digits(chars)?;
                    if !(0xdc00..=0xdfff).contains(&second) {
                        return Err(NotJson);
                    }
                    0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
                }
                _ => first,
            };
            char::from_u32(code).ok_or(NotJson)?
        }
        _ => return Err(NotJson),
    })
}

fn four_digits(chars: &mut std::str::Chars<'_>) -> Result<u32> {
    let mut code = 0;
    for _ in 0..4 {
        code = code << 4 | chars.next().and_then(|char| char.to_digit(16)).ok_or(NotJson)?;
    }
    Ok(code)
}

/// Appends a string with its quotes.
pub fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", control as u32)),
            other => out.push(other),
        }
    }
    out.push('"');
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<()> {
        self.blanks();
        if self.peek() != Some(byte) {
            return Err(NotJson);
        }
        self.at += 1;
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        self.blanks();
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(NotJson)
        }
    }

    /// Steps over a value and gives its text.
    fn value(&mut self, depth: usize) -> Result<&'a str> {
        self.blanks();
        let start = self.at;
        match self.peek().ok_or(NotJson)? {
            _ if depth > MAX_DEPTH => return Err(NotJson),
            b'{' => self.list(b'{', b'}', &mut |scanner| {
                scanner.quoted()?;
                scanner.expect(b':')?;
                scanner.value(depth + 1).map(|_| ())
            })?,
            b'[' => self.list(b'[', b']', &mut |scanner| scanner.value(depth + 1).map(|_| ()))?,
            b'"' => self.quoted()?,
            b'-' | b'0'..=b'9' => self.number()?,
            _ => self.word()?,
        }
        Ok(&self.text[start..self.at])
    }

    /// `item`s with commas between.
    fn list(
        &mut self,
        open: u8,
        close: u8,
        item: &mut dyn FnMut(&mut Self) -> Result<()>,
    ) -> Result<()> {
        self.expect(open)?;
        self.blanks();
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.blanks();
            if open == b'{' && self.peek() != Some(b'"') {
                return Err(NotJson);
            }
            item(self)?;
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(byte) if byte == close => break,
                _ => return Err(NotJson),
            }
        }
        self.at += 1;
        Ok(())
    }

    fn quoted(&mut self) -> Result<()> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek().ok_or(NotJson)? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        // A character may follow a backslash that is longer than a byte, which is wrong anyway.
        string(self.text.get(start..self.at).ok_or(NotJson)?).map(|_| ())
    }

    fn digits(&mut self) -> Result<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at > start {
            Ok(())
        } else {
            Err(NotJson)
        }
    }

    fn number(&mut self) -> Result<()> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn word(&mut self) -> Result<()> {
        let rest = &self.text.as_bytes()[self.at..];
        for word in ["true", "false", "null"] {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(());
            }
        }
        Err(NotJson)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        for text in [
            "0",
            "-0.5e+3",
            "1E9",
            "\"\"",
            "\"a\\u00e9\\ud83d\\ude00\\n\"",
            "[]",
            "{}",
            "true",
            "[1,[2,{\"a\":null}]]",
            "{\"a\":1,\"b\":[]}",
        ] {
            assert_eq!(value(text), Ok(text));
            assert_eq!(value(&format!(" {text}\r\n")), Ok(text));
        }
        for text in [
            "",
            " ",
            "01",
            "1.",
            "-",
            "1e",
            "+1",
            ".5",
            "nul",
            "tru e",
            "\"",
            "\"\\\"",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "\"\\udc00\"",
            "\"\u{1}\"",
            "\"\\é\"",
            "[",
            "[1",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{\"a\"}",
            "{\"a\":}",
            "{1:2}",
            "{\"a\":1,}",
            "{}}",
            "1 2",
        ] {
            assert_eq!(value(text), Err(NotJson), "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(value(&nested(MAX_DEPTH + 1)).is_ok());
        assert_eq!(value(&nested(MAX_DEPTH + 2)), Err(NotJson));
        assert_eq!(value(&"[".repeat(1_000_000)), Err(NotJson));
    }

    #[test]
    fn members_and_elements_are_given_as_written() {
        assert_eq!(
            members(" {\"a\\u0062\" : [1, 2] , \"c\":\"\\n\"} "),
            Ok(vec![("ab".to_string(), "[1, 2]"), ("c".to_string(), "\"\\n\"")])
        );
        assert_eq!(members("[1]"), Err(NotJson));
        assert_eq!(elements("[1 ,{}, \"x\"]"), Ok(vec!["1", "{}", "\"x\""]));
        assert_eq!(elements("[]"), Ok(vec![]));
        assert_eq!(elements("{}"), Err(NotJson));
    }

    #[test]
    fn strings_there_and_back() {
        let text = "a\"\\\n\u{1}é😀/";
        let mut written = String::new();
        push_string(&mut written, text);
        assert_eq!(string(&written).as_deref(), Ok(text));
        assert_eq!(string("\"\\ud83d\\ude00\\/\"").as_deref(), Ok("😀/"));
    }
}
