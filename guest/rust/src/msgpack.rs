//! As much of [MessagePack](https://github.com/msgpack/msgpack/blob/master/spec.md) as frames need,
//! and small guests: values are appended to bytes and read one after the other.

/// Deeper than the host goes.
const MAX_DEPTH: usize = 64;

/// What is read is not MessagePack, or not of the type asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unexpected;

impl std::fmt::Display for Unexpected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not the MessagePack that was expected")
    }
}

impl std::error::Error for Unexpected {}

/// So that `?` works in exported functions and methods.
impl From<Unexpected> for crate::Failure {
    fn from(unexpected: Unexpected) -> crate::Failure {
        crate::Failure::new(crate::Failure::BAD_INPUT, unexpected.to_string())
    }
}

/// Appends nil.
pub fn push_nil(out: &mut Vec<u8>) {
    out.push(0xc0);
}

/// Appends a truth value.
pub fn push_bool(out: &mut Vec<u8>, value: bool) {
    out.push(if value { 0xc3 } else { 0xc2 });
}

/// Appends an integer, as short as it goes.
pub fn push_int(out: &mut Vec<u8>, value: i64) {
    match value {
        0..=0x7f => out.push(value as u8),
        -32..=-1 => out.push(value as i8 as u8),
        0x80..=0xff => out.extend([0xcc, value as u8]),
        0x100..=0xffff => push_sized(out, 0xcd, &(value as u16).to_be_bytes()),
        0x1_0000..=0xffff_ffff => push_sized(out, 0xce, &(value as u32).to_be_bytes()),
        0x1_0000_0000.. => push_sized(out, 0xcf, &value.to_be_bytes()),
        -0x80..=-33 => out.extend([0xd0, value as i8 as u8]),
        -0x8000..=-0x81 => push_sized(out, 0xd1, &(value as i16).to_be_bytes()),
        -0x8000_0000..=-0x8001 => push_sized(out, 0xd2, &(value as i32).to_be_bytes()),
        _ => push_sized(out, 0xd3, &value.to_be_bytes()),
    }
}

/// Appends a real number.
pub fn push_float(out: &mut Vec<u8>, value: f64) {
    push_sized(out, 0xcb, &value.to_be_bytes());
}

/// Appends text.
pub fn push_str(out: &mut Vec<u8>, text: &str) {
    match text.len() {
        len @ 0..=31 => out.push(0xa0 | len as u8),
        len => push_length(out, Some(0xd9), 0xda, len),
    }
    out.extend_from_slice(text.as_bytes());
}

/// Appends bytes.
pub fn push_bin(out: &mut Vec<u8>, bytes: &[u8]) {
    push_length(out, Some(0xc4), 0xc5, bytes.len());
    out.extend_from_slice(bytes);
}

/// Appends the head of an array; its elements follow.
pub fn push_array(out: &mut Vec<u8>, len: usize) {
    match len {
        0..=15 => out.push(0x90 | len as u8),
        _ => push_length(out, None, 0xdc, len),
    }
}

/// Appends the head of a map; its keys and values follow, in turn.
pub fn push_map(out: &mut Vec<u8>, len: usize) {
    match len {
        0..=15 => out.push(0x80 | len as u8),
        _ => push_length(out, None, 0xde, len),
    }
}

fn push_sized(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    out.extend_from_slice(bytes);
}

/// Tags for a length of one byte, where there is one, of two, and then of four.
fn push_length(out: &mut Vec<u8>, one: Option<u8>, two: u8, len: usize) {
    match (one, len) {
        (Some(tag), 0..=0xff) => out.extend([tag, len as u8]),
        (_, 0..=0xffff) => push_sized(out, two, &(len as u16).to_be_bytes()),
        _ => {
            let len = u32::try_from(len).expect("a guest's memory ends at 4 GiB");
            push_sized(out, two + 1, &len.to_be_bytes());
        }
    }
}

/// Reads values one after the other. After a failure it is where it was.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

type Result<T> = std::result::Result<T, Unexpected>;

/// What the first bytes of a value say.
enum Head {
    Nil,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Str(usize),
    Bin(usize),
    Array(usize),
    Map(usize),
    Ext(usize),
}

impl<'a> Reader<'a> {
    /// Reads from the beginning of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// Whether everything was read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Reads nil.
    pub fn nil(&mut self) -> Result<()> {
        self.head_of(|head| matches!(head, Head::Nil).then_some(()))
    }

    /// Reads a truth value.
    pub fn bool(&mut self) -> Result<bool> {
        self.head_of(|head| if let Head::Bool(value) = head { Some(value) } else { None })
    }

    /// Reads an integer.
    pub fn int(&mut self) -> Result<i64> {
        self.head_of(|head| match head {
            Head::Int(value) => Some(value),
            Head::Uint(value) => i64::try_from(value).ok(),
            _ => None,
        })
    }

    /// Reads a real number, or an integer as one.
    pub fn float(&mut self) -> Result<f64> {
        self.head_of(|head| match head {
            Head::Float(value) => Some(value),
            Head::Int(value) => Some(value as f64),
            Head::Uint(value) => Some(value as f64),
            _ => None,
        })
    }

    /// Reads text.
    pub fn str(&mut self) -> Result<&'a str> {
        let mut ahead = *self;
        let len = ahead.head_of(|head| if let Head::Str(len) = head { Some(len) } else { None })?;
        let text = std::str::from_utf8(ahead.take(len)?).map_err(|_| Unexpected)?;
        *self = ahead;
        Ok(text)
    }

    /// Reads bytes.
    pub fn bin(&mut self) -> Result<&'a [u8]> {
        let mut ahead = *self;
        let len = ahead.head_of(|head| if let Head::Bin(len) = head { Some(len) } else { None })?;
        let bytes = ahead.take(len)?;
        *self = ahead;
        Ok(bytes)
    }

    /// Reads the head of an array: how many elements follow. They may be fewer: allocate as they
    /// come.
    pub fn array(&mut self) -> Result<usize> {
        self.head_of(|head| if let Head::Array(len) = head { Some(len) } else { None })
    }

    /// Reads the head of a map: how many pairs follow.
    pub fn map(&mut self) -> Result<usize> {
        self.head_of(|head| if let Head::Map(len) = head { Some(len) } else { None })
    }

    /// Steps over any value and gives its bytes.
    pub fn value(&mut self) -> Result<&'a [u8]> {
        let mut ahead = *self;
        ahead.skip(0)?;
        let value = &self.rest[..self.rest.len() - ahead.rest.len()];
        *self = ahead;
        Ok(value)
    }

    fn skip(&mut self, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(Unexpected);
        }
        match self.head()? {
            Head::Str(len) | Head::Bin(len) | Head::Ext(len) => {
                self.take(len)?;
            }
            Head::Array(len) => (0..len).try_for_each(|_| self.skip(depth + 1))?,
            Head::Map(len) => {
                for _ in 0..len {
                    self.skip(depth + 1)?;
                    self.skip(depth + 1)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Unexpected)?;
        self.rest = rest;
        Ok(taken)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| Unexpected)
    }

    fn head_of<T>(&mut self, pick: impl FnOnce(Head) -> Option<T>) -> Result<T> {
        let mut ahead = *self;
        let picked = pick(ahead.head()?).ok_or(Unexpected)?;
        *self = ahead;
        Ok(picked)
    }

    /// A length of one, two or four bytes.
    fn length(&mut self, bytes: u8) -> Result<usize> {
        Ok(match bytes {
            0 => usize::from(u8::from_be_bytes(self.number()?)),
            1 => usize::from(u16::from_be_bytes(self.number()?)),
            _ => u32::from_be_bytes(self.number()?) as usize,
        })
    }

    fn head(&mut self) -> Result<Head> {
        let tag = self.take(1)?[0];
        Ok(match tag {
            0x00..=0x7f => Head::Int(i64::from(tag)),
            0x80..=0x8f => Head::Map(usize::from(tag & 15)),
            0x90..=0x9f => Head::Array(usize::from(tag & 15)),
            0xa0..=0xbf => Head::Str(usize::from(tag & 31)),
            0xc0 => Head::Nil,
            0xc1 => return Err(Unexpected),
            0xc2 | 0xc3 => Head::Bool(tag == 0xc3),
            0xc4..=0xc6 => Head::Bin(self.length(tag - 0xc4)?),
            // The type of an extension is one byte more.
            0xc7..=0xc9 => Head::Ext(self.length(tag - 0xc7)?.checked_add(1).ok_or(Unexpected)?),
            0xca => Head::Float(f64::from(f32::from_be_bytes(self.number()?))),
            0xcb => Head::Float(f64::from_be_bytes(self.number()?)),
            0xcc => Head::Uint(u64::from(u8::from_be_bytes(self.number()?))),
            0xcd => Head::Uint(u64::from(u16::from_be_bytes(self.number()?))),
            0xce => Head::Uint(u64::from(u32::from_be_bytes(self.number()?))),
            0xcf => Head::Uint(u64::from_be_bytes(self.number()?)),
            0xd0 => Head::Int(i64::from(i8::from_be_bytes(self.number()?))),
            0xd1 => Head::Int(i64::from(i16::from_be_bytes(self.number()?))),
            0xd2 => Head::Int(i64::from(i32::from_be_bytes(self.number()?))),
            0xd3 => Head::Int(i64::from_be_bytes(self.number()?)),
            0xd4..=0xd8 => Head::Ext((1 << (tag - 0xd4)) + 1),
            0xd9..=0xdb => Head::Str(self.length(tag - 0xd9)?),
            0xdc | 0xdd => Head::Array(self.length(tag - 0xdc + 1)?),
            0xde | 0xdf => Head::Map(self.length(tag - 0xde + 1)?),
            0xe0..=0xff => Head::Int(i64::from(tag as i8)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_there_and_back() {
        for value in [
            0,
            1,
            127,
            128,
            255,
            256,
            65535,
            65536,
            0xffff_ffff,
            0x1_0000_0000,
            i64::MAX,
            -1,
            -32,
            -33,
            -128,
            -129,
            -32768,
            -32769,
            -0x8000_0000,
            -0x8000_0001,
            i64::MIN,
        ] {
            let mut out = Vec::new();
            push_int(&mut out, value);
            let mut reader = Reader::new(&out);
            assert_eq!((reader.int(), reader.is_empty()), (Ok(value), true), "{value}");
        }
        assert_eq!(Reader::new(&[0xcf, 0xff, 0, 0, 0, 0, 0, 0, 0]).int(), Err(Unexpected));
    }

    #[test]
    fn text_bytes_and_lists_of_every_size() {
        for len in [0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536] {
            let mut out = Vec::new();
            push_str(&mut out, &"x".repeat(len));
            push_bin(&mut out, &vec![1; len]);
            push_array(&mut out, len);
            (0..len).for_each(|_| push_nil(&mut out));
            push_map(&mut out, len);
            (0..2 * len).for_each(|_| push_bool(&mut out, true));
            let mut reader = Reader::new(&out);
            assert_eq!(reader.str().map(str::len), Ok(len));
            assert_eq!(reader.bin().map(<[u8]>::len), Ok(len));
            assert_eq!(reader.clone().array(), Ok(len));
            assert!(reader.value().is_ok());
            assert_eq!(reader.clone().map(), Ok(len));
            assert!(reader.value().is_ok() && reader.is_empty());
        }
    }

    #[test]
    fn what_is_cut_off_is_refused_wherever() {
        let mut out = Vec::new();
        push_array(&mut out, 4);
        push_str(&mut out, &"é".repeat(200));
        push_float(&mut out, 0.5);
        push_map(&mut out, 1);
        push_int(&mut out, -70_000);
        push_bin(&mut out, b"abc");
        out.extend([0xd6, 1, 2, 3, 4, 5]);
        assert_eq!(Reader::new(&out).value(), Ok(out.as_slice()));
        for end in 0..out.len() {
            assert_eq!(Reader::new(&out[..end]).value(), Err(Unexpected));
        }
        assert_eq!(Reader::new(&[0xc1]).value(), Err(Unexpected));
        assert_eq!(Reader::new(&[0xdd, 0xff, 0xff, 0xff, 0xff]).value(), Err(Unexpected));
        assert_eq!(Reader::new(&[0x91; 1000]).value(), Err(Unexpected));
    }

    #[test]
    fn a_reader_stays_where_it_failed() {
        let mut reader = Reader::new(&[0xa1, b'x', 0xc0]);
        assert_eq!(reader.int(), Err(Unexpected));
        assert_eq!(reader.bin(), Err(Unexpected));
        assert_eq!(reader.str(), Ok("x"));
        assert_eq!(reader.nil(), Ok(()));
        assert_eq!(reader.nil(), Err(Unexpected));
        assert_eq!(Reader::new(&[0xa1, 0xff]).str(), Err(Unexpected));
    }
}
