// As much of JSON (RFC 8259) as a frame needs: its parts as they are written, checked.

/** Deeper than the host goes. */
const MAX_DEPTH: i32 = 512;

const QUOTE: i32 = 0x22;
const BACKSLASH: i32 = 0x5c;

/** Whether it is one whole JSON value. */
export function isJson(text: string): bool {
  const scanner = new Scanner(text);
  return scanner.value(0) && scanner.atEnd();
}

/** The members of an object as they are written, by name; null where it is none. */
export function members(text: string): Map<string, string> | null {
  const found = new Map<string, string>();
  const scanner = new Scanner(text);
  if (!scanner.open(0x7b)) return null;
  if (!scanner.close(0x7d)) {
    do {
      scanner.blanks();
      const start = scanner.at;
      if (!scanner.quoted()) return null;
      const name = unquote(text.substring(start, scanner.at));
      if (name === null || !scanner.open(0x3a)) return null;
      const value = scanner.take(1);
      if (value === null) return null;
      found.set(name, value);
    } while (scanner.open(0x2c));
    if (!scanner.close(0x7d)) return null;
  }
  return scanner.atEnd() ? found : null;
}

/** The elements of an array as they are written; null where it is none. */
export function elements(text: string): string[] | null {
  const found: string[] = [];
  const scanner = new Scanner(text);
  if (!scanner.open(0x5b)) return null;
  if (!scanner.close(0x5d)) {
    do {
      const value = scanner.take(1);
      if (value === null) return null;
      found.push(value);
    } while (scanner.open(0x2c));
    if (!scanner.close(0x5d)) return null;
  }
  return scanner.atEnd() ? found : null;
}

/** A string as JSON writes it. */
export function quote(text: string): string {
  let out = '"';
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char >= 0x20 && char != QUOTE && char != BACKSLASH) continue;
    out += text.substring(start, i);
    start = i + 1;
    if (char >= 0x20) out += "\\" + String.fromCharCode(char);
    else out += "\\u00" + (char < 16 ? "0" : "1") + (char & 15).toString(16);
  }
  return out + text.substring(start) + '"';
}

/** What a JSON string means; null where it is none. */
export function unquote(text: string): string | null {
  const last = text.length - 1;
  if (last < 1 || text.charCodeAt(0) != QUOTE || text.charCodeAt(last) != QUOTE) return null;
  let out = "";
  let start = 1;
  for (let i = 1; i < last; i++) {
    const char = text.charCodeAt(i);
    if (char < 0x20 || char == QUOTE) return null;
    if (char != BACKSLASH) continue;
    out += text.substring(start, i);
    const length = escapeLength(text, i, last);
    if (length == 0) return null;
    out += escaped(text, i, length);
    i += length - 1;
    start = i + 1;
  }
  return out + text.substring(start, last);
}

/** Of an escape: 2, 6, or 12 for a pair of surrogates; 0 where it is none. */
function escapeLength(text: string, at: i32, end: i32): i32 {
  if (at + 1 >= end) return 0;
  const kind = text.charCodeAt(at + 1);
  if (kind != 0x75) return "\"\\/bfnrt".includes(String.fromCharCode(kind)) ? 2 : 0;
  const first = hex(text, at + 2, end);
  if (first < 0 || (first & 0xfc00) == 0xdc00) return 0;
  if ((first & 0xfc00) != 0xd800) return 6;
  const paired = at + 12 <= end && text.charCodeAt(at + 6) == BACKSLASH && text.charCodeAt(at + 7) == 0x75;
  return paired && (hex(text, at + 8, end) & 0xfc00) == 0xdc00 ? 12 : 0;
}

function escaped(text: string, at: i32, length: i32): string {
  if (length == 6) return String.fromCharCode(hex(text, at + 2, at + 6));
  if (length == 12) return String.fromCharCode(hex(text, at + 2, at + 6), hex(text, at + 8, at + 12));
  const kind = text.charCodeAt(at + 1);
  switch (kind) {
    case 0x62: return "\b";
    case 0x66: return "\f";
    case 0x6e: return "\n";
    case 0x72: return "\r";
    case 0x74: return "\t";
    default: return String.fromCharCode(kind);
  }
}

/** Four digits as a number, -1 where they are not there. */
function hex(text: string, at: i32, end: i32): i32 {
  if (at + 4 > end) return -1;
  let value = 0;
  for (let i = at; i < at + 4; i++) {
    const char = text.charCodeAt(i);
    const lower = char | 0x20;
    if (char >= 0x30 && char <= 0x39) value = (value << 4) | (char - 0x30);
    else if (lower >= 0x61 && lower <= 0x66) value = (value << 4) | (lower - 0x57);
    else return -1;
  }
  return value;
}

class Scanner {
  at: i32 = 0;

  constructor(private text: string) {}

  peek(): i32 {
    return this.at < this.text.length ? this.text.charCodeAt(this.at) : -1;
  }

  blanks(): void {
    let char = this.peek();
    while (char == 0x20 || char == 0x09 || char == 0x0a || char == 0x0d) {
      this.at++;
      char = this.peek();
    }
  }

  atEnd(): bool {
    this.blanks();
    return this.at == this.text.length;
  }

  /** Steps over a character that may be there. */
  open(char: i32): bool {
    this.blanks();
    if (this.peek() != char) return false;
    this.at++;
    return true;
  }

  close(char: i32): bool {
    return this.open(char);
  }

  /** Steps over a value and gives it as it is written. */
  take(depth: i32): string | null {
    this.blanks();
    const start = this.at;
    return this.value(depth) ? this.text.substring(start, this.at) : null;
  }

  value(depth: i32): bool {
    this.blanks();
    if (depth > MAX_DEPTH) return false;
    switch (this.peek()) {
      case 0x7b: return this.object(depth);
      case 0x5b: return this.array(depth);
      case QUOTE: return this.quoted();
      case 0x74: return this.word("true");
      case 0x66: return this.word("false");
      case 0x6e: return this.word("null");
      default: return this.number();
    }
  }

  private object(depth: i32): bool {
    this.at++;
    if (this.close(0x7d)) return true;
    do {
      this.blanks();
      if (!this.quoted() || !this.open(0x3a) || !this.value(depth + 1)) return false;
    } while (this.open(0x2c));
    return this.close(0x7d);
  }

  private array(depth: i32): bool {
    this.at++;
    if (this.close(0x5d)) return true;
    do {
      if (!this.value(depth + 1)) return false;
    } while (this.open(0x2c));
    return this.close(0x5d);
  }

  quoted(): bool {
    if (this.peek() != QUOTE) return false;
    this.at++;
    while (true) {
      const char = this.peek();
      if (char < 0x20) return false; // also where the text ends
      if (char == QUOTE) break;
      if (char == BACKSLASH) {
        const length = escapeLength(this.text, this.at, this.text.length);
        if (length == 0) return false;
        this.at += length;
      } else {
        this.at++;
      }
    }
    this.at++;
    return true;
  }

  private word(word: string): bool {
    if (!this.text.startsWith(word, this.at)) return false;
    this.at += word.length;
    return true;
  }

  private digits(): bool {
    const start = this.at;
    while (this.peek() >= 0x30 && this.peek() <= 0x39) this.at++;
    return this.at > start;
  }

  private number(): bool {
    if (this.peek() == 0x2d) this.at++;
    if (this.peek() == 0x30) this.at++;
    else if (!this.digits()) return false;
    if (this.peek() == 0x2e) {
      this.at++;
      if (!this.digits()) return false;
    }
    if ((this.peek() | 0x20) == 0x65) {
      this.at++;
      if (this.peek() == 0x2b || this.peek() == 0x2d) this.at++;
      return this.digits();
    }
    return true;
  }
}
