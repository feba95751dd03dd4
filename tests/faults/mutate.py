"""A mutator of files, the same for the same seed: bytes of any file, numbers and keys of texts, tags of TIFFs, varints of ONNX."""

import random
import re
import struct

NUMBERS = ["0", "-0.0", "-1", "1", "2", "0.5", "1e-300", "1e300", "-1e300", "1e400", "255", "256", "65535", "65536", "2147483647",
           "2147483648", "-2147483649", "4294967295", "4294967296", "9007199254740993", "9223372036854775807",
           "9223372036854775808", "18446744073709551616", "123456789012345678901234567890", "NaN", "nan", "Infinity", "inf", "-inf",
           "null", "true", '""', "[]", "{}", "'a'", "1.7976931348623157e308", "5e-324", "180.0000001", "-90.0000001", "1e15"]
BYTES = [0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF]
WORDS = [0, 1, 2, 3, 7, 8, 255, 256, 32767, 32768, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1]
TOKENS = ["[", "]", "{", "}", ",", ":", "\"", "\\u0000", "\\ud800", "\ufeff", "\u202e", "<", ">", "&#0;", "]]>", "\n", "=", "[[", "..", "/",
          "/dev/zero", "/vsicurl/http://127.0.0.1:1/a.tif", "//", "%00", "a" * 5000]
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def mutated(data, kind, dice):
    """Some bytes with 1 to 4 changes, most of them of the kind of file."""
    special = {"tiff": tiff, "text": text, "onnx": protobuf}[kind]
    for _ in range(dice.choice([1, 1, 1, 2, 2, 3, 4])):
        change = special if dice.random() < 0.7 else anywhere
        data = change(bytes(data), dice)
    return bytes(data)


def anywhere(data, dice):
    """A change that knows nothing of the format."""
    if not data:
        return dice.randbytes(8)
    out, at = bytearray(data), dice.randrange(len(data))
    length = min(len(data) - at, dice.choice([1, 2, 4, 8, 64, 1024]))
    match dice.randrange(8):
        case 0:
            out[at] ^= 1 << dice.randrange(8)
        case 1:
            out[at] = dice.choice(BYTES)
        case 2:
            out[at:at + length] = dice.randbytes(length)
        case 3:
            del out[at:at + length]
        case 4:
            out[at:at] = dice.randbytes(length)
        case 5:
            out[at:at] = out[at:at + length] * dice.choice([1, 2, 50])
        case 6:
            del out[at:]
        case 7:
            other = dice.randrange(len(data))
            out[at:at + length] = data[other:other + length]
    return out


def text(data, dice):
    """A change to a number, a line, a word or the nesting of JSON, TOML or XML."""
    words = data.decode("utf-8", "surrogateescape")
    match dice.randrange(9):
        case 0 | 1 | 2:
            words = replaced_number(words, dice)
        case 3:
            lines = re.split(r"(?<=[,\n])", words)
            del lines[dice.randrange(len(lines))]
            words = "".join(lines)
        case 4:
            lines = re.split(r"(?<=[,\n])", words)
            at = dice.randrange(len(lines))
            lines[at:at] = lines[at:at + dice.choice([1, 5])] * dice.choice([1, 1, 2, 200])
            words = "".join(lines)
        case 5:
            at = dice.randrange(len(words) + 1)
            words = words[:at] + dice.choice(TOKENS) + words[at:]
        case 6:
            quoted = list(re.finditer(r'"[^"\n]{0,60}"', words))
            if quoted:
                one, other = dice.choice(quoted), dice.choice(quoted)
                words = words[:one.start()] + other.group() + words[one.end():]
        case 7:
            quoted = list(re.finditer(r'"[^"\n]{0,60}"|\btrue\b|\bfalse\b|\bnull\b', words))
            if quoted:
                one = dice.choice(quoted)
                words = words[:one.start()] + dice.choice([*NUMBERS, '"é\\n"', '"../../x"']) + words[one.end():]
        case 8:
            depth = dice.choice([1, 10, 200, 100_000])
            number = dice.choice(list(NUMBER.finditer(words)) or [None])
            if number:
                nest = dice.choice([("[", "]"), ('{"a":', "}")])
                words = words[:number.start()] + nest[0] * depth + number.group() + nest[1] * depth + words[number.end():]
    return words.encode("utf-8", "surrogateescape")


def replaced_number(words, dice):
    found = list(NUMBER.finditer(words))
    if not found:
        return words
    number = dice.choice(found)
    value = dice.choice(NUMBERS)
    if dice.random() < 0.4:
        try:
            value = repr(float(number.group()) * dice.choice([-1, 0.1, 10, 1e6, 1.0000001, 2, 0.5]))
        except ValueError:
            pass
    return words[:number.start()] + value + words[number.end():]


def tiff(data, dice):
    """A change to an entry of a directory of a TIFF: tag, type, count or value, or to what its offset points at."""
    out = bytearray(data)
    entries = directory_entries(data)
    if not entries:
        return anywhere(data, dice)
    order, at, size = dice.choice(entries)
    match dice.randrange(6):
        case 0:
            struct.pack_into(order + "H", out, at, dice.choice([256, 257, 258, 259, 262, 273, 277, 279, 284, 317, 322, 323, 324, 325,
                                                                  338, 339, 33550, 33922, 34264, 34735, 42112, 42113, 65535]))
        case 1:
            struct.pack_into(order + "H", out, at + 2, dice.choice([0, 1, 2, 3, 4, 5, 7, 12, 13, 16, 65535]))
        case 2:
            struct.pack_into(order + "I", out, at + 4, dice.choice(WORDS))
        case 3 | 4:
            struct.pack_into(order + "I", out, at + size - 4, dice.choice(WORDS))
        case 5:
            (there,) = struct.unpack_from(order + "I", data, at + size - 4)
            if there + 8 <= len(out):
                value = dice.choice([struct.pack(order + "d", dice.choice([0.0, -1.0, 1e300, float("nan"), float("inf"), 1e-300])),
                                     dice.randbytes(8)])
                out[there:there + 8] = value
    return out


def directory_entries(data):
    """The order, the place and the length of the entries of the directories of a classic TIFF."""
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
    if order is None or len(data) < 8 or struct.unpack_from(order + "H", data, 2)[0] != 42:
        return []
    entries, (at,) = [], struct.unpack_from(order + "I", data, 4)
    for _ in range(16):
        if at == 0 or at + 2 > len(data):
            break
        (count,) = struct.unpack_from(order + "H", data, at)
        if at + 2 + 12 * count + 4 > len(data):
            break
        entries += [(order, at + 2 + 12 * n, 12) for n in range(count)]
        (at,) = struct.unpack_from(order + "I", data, at + 2 + 12 * count)
    return entries


def protobuf(data, dice):
    """A change to a byte of the structure of a protobuf: keys, lengths and small numbers stand among the first bytes."""
    out = bytearray(data)
    if not out:
        return out
    # Weights are the bulk of a network and seldom matter; the graph stands around them.
    place = min(len(out) - 1, int(dice.paretovariate(0.5)))
    at = place if dice.random() < 0.5 else len(out) - 1 - place
    if dice.random() < 0.5:
        out[at] = (out[at] + dice.choice([-1, 1, 2, 8, 64, 128])) % 256
    else:
        varint = dice.choice([b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\xff\xff\xff\xff\x0f", b"\x80\x80\x80\x80\x08", b"\x00",
                              b"\x80\x80\x01", b"\x80"])
        out[at:at + 1] = varint
    return out


def dice_of(seed, name, number):
    """A source of chance for one mutation of one input, the same on every machine."""
    return random.Random(f"{seed}/{name}/{number}")
