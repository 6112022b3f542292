"""Modules byte by byte, for what the text format cannot say or would take long to."""

COMMAND_EXPORT = b"\x07\x0a\x01\x06_start\x00\x00"


def number(value):
    """Unsigned LEB128."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def section(identity, content):
    return bytes([identity]) + number(len(content)) + content


def body(code, i32_locals=0):
    content = (b"\x01" + number(i32_locals) + b"\x7f" if i32_locals else b"\x00") + code + b"\x0b"
    return number(len(content)) + content


def module(bodies, after=b""):
    """A command: the first body is _start, all are of type () -> ()."""
    return (
        b"\0asm\x01\0\0\0" + section(1, b"\x01\x60\0\0")
        + section(3, number(len(bodies)) + b"\0" * len(bodies)) + COMMAND_EXPORT
        + section(10, number(len(bodies)) + b"".join(bodies)) + after
    )


def joined(count):
    """`count` locals that change in a loop with as many ways back to its head."""
    code = b"\x03\x40"
    for local in range(count):
        code += b"\x20" + number(local) + b"\x41\x01\x6a\x21" + number(local)
    return body(code + b"\x20\x00\x0d\x00" * count + b"\x0b", count)
