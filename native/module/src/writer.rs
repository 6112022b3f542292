//! Writes one body again: what is inserted or replaced, and the rest copied as it is. Keeps track
//! of where the branches that are hinted at come to lie.

use wasm_encoder::{Encode, InstructionSink};

pub struct Writer<'a> {
    /// The whole module; places are offsets in it.
    bytes: &'a [u8],
    out: Vec<u8>,
    copied: usize,
    /// Hinted places that are still to come, and where those before came to.
    hinted: std::slice::Iter<'a, usize>,
    next_hinted: Option<usize>,
    moved: Vec<u32>,
}

/// A constant of a fixed width, to be known later.
pub struct Placeholder(usize);

const CONSTANT_BYTES: usize = 5;

impl<'a> Writer<'a> {
    pub fn new(bytes: &'a [u8], out: Vec<u8>, start: usize, hinted: &'a [usize]) -> Writer<'a> {
        let mut hinted = hinted.iter();
        let next_hinted = hinted.next().copied();
        Writer { bytes, out, copied: start, hinted, next_hinted, moved: Vec::new() }
    }

    /// The whole module as given.
    pub fn source(&self) -> &'a [u8] {
        self.bytes
    }

    /// Copies up to a place.
    pub fn copy_to(&mut self, place: usize) {
        while let Some(hinted) = self.next_hinted.filter(|hinted| *hinted < place) {
            let passed = hinted.saturating_sub(self.copied);
            self.moved.push((self.out.len() + passed) as u32);
            self.next_hinted = self.hinted.next().copied();
        }
        self.out.extend_from_slice(&self.bytes[self.copied..place]);
        self.copied = place;
    }

    /// Leaves out what is before a place and was not copied.
    pub fn skip_to(&mut self, place: usize) {
        self.copied = place;
    }

    pub fn insert(&mut self) -> InstructionSink<'_> {
        InstructionSink::new(&mut self.out)
    }

    pub fn number(&mut self, value: u32) {
        value.encode(&mut self.out);
    }

    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// An `i64.const` whose value set() fills in.
    pub fn constant(&mut self) -> Placeholder {
        self.out.push(0x42);
        let at = self.out.len();
        self.out.extend_from_slice(&[0; CONSTANT_BYTES]);
        Placeholder(at)
    }

    /// In the width of all of them; `value` is below 2 to the 34.
    pub fn set(&mut self, placeholder: &Placeholder, value: u64) {
        for index in 0..CONSTANT_BYTES {
            let more = if index + 1 < CONSTANT_BYTES { 0x80 } else { 0 };
            let bits = (value >> (7 * index)) as u8 & 0x7f;
            self.out[placeholder.0 + index] = bits | more;
        }
    }

    /// The body and where its hinted places are in it.
    pub fn finish(self) -> (Vec<u8>, Vec<u32>) {
        (self.out, self.moved)
    }
}
