"""How whole inputs are damaged; the same way for the same random numbers."""
import base64
import gzip
import hashlib
import json
import random
import struct

_NUMBERS = (0, 1, -1, 2 ** 15, -2 ** 15, 2 ** 31 - 1, -2 ** 31, 2 ** 63 - 1, float("nan"), float("inf"), 1e308, -1e-308)
_VALUES = (*_NUMBERS, None, True, "", "x", "../../etc/passwd", [], {}, [[]], "\0", "é" * 300)
_FILE_NAMES = ("", ".", "..", "../out.nii", "/etc/passwd", "a/b.nii", "a\\b.nii", "CON", "nul.nii", "x" * 300, "é" * 120, "\0", "a\nb",
               "\u202egz.iin", "\ud800.nii", ".hidden", "a.exe", "scan.nii", "scan.nii.gz", "scan.mhd", "scan.nhdr", "scan.png", "scan.mgz",
               "noending")


def mutate_bytes(content: bytes, rng: random.Random) -> bytes:
    """Flipped bytes, often in the header; cut off, blown up, shuffled, set to extremes."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        end = min(len(changed), rng.choice((32, 352, 1024, len(changed) or 1)))
        if not end:
            return b"x"
        at, kind = rng.randrange(end), rng.randrange(7)
        if kind < 2:
            changed[at] = rng.randrange(256)
        elif kind == 2:
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 3:
            size = rng.choice((2, 4, 8))
            changed[at:at + size] = rng.choice((b"\xff", b"\0", b"\x7f", b"\x80")) * size
        elif kind == 4:
            del changed[at:at + rng.randrange(1, 64)]
        elif kind == 5:
            changed[at:at] = rng.randbytes(rng.randrange(1, 64))
        else:
            del changed[rng.randrange(len(changed)):]
    return bytes(changed)


def mutate_packed(content: bytes, rng: random.Random) -> bytes:
    """Of a gzip file: what is packed, so that readers get to see it; now and then the packing itself."""
    if rng.random() < 0.2:
        return mutate_bytes(content, rng)
    return gzip.compress(mutate_bytes(gzip.decompress(content), rng), 1)


def mutate_json(content: bytes, rng: random.Random) -> bytes:
    """One or some values replaced, entries dropped or doubled, the checksum of a fusion's record made to fit again."""
    if rng.random() < 0.2:
        return mutate_bytes(content, rng)
    record = json.loads(content)
    for _ in range(rng.choice((1, 1, 3))):
        change(record, rng)
    if isinstance(record, dict) and "checksum" in record:
        rest = {key: value for key, value in record.items() if key != "checksum"}
        record["checksum"] = hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    return json.dumps(record).encode()


def change(record, rng: random.Random) -> None:
    """Another value, or none, somewhere in a record."""
    while True:
        if not record or not isinstance(record, (dict, list)):
            return
        key = rng.choice(sorted(record)) if isinstance(record, dict) else rng.randrange(len(record))
        if isinstance(record[key], (dict, list)) and record[key] and rng.random() < 0.8:
            record = record[key]
            continue
        if rng.random() < 0.2:
            del record[key]
        else:
            record[key] = rng.choice(_VALUES)
        return


def mutate_recipe(content: bytes, rng: random.Random) -> bytes:
    """Of a NIfTI file with a text in its header that is JSON: one or some of its values, the header made to fit."""
    if rng.random() < 0.1:
        return mutate_bytes(content, rng)
    size, = struct.unpack_from("<i", content, 352)
    record = json.loads(content[360:352 + size].rstrip(b"\0"))
    for _ in range(rng.choice((1, 1, 3))):
        change(record, rng)
    text = json.dumps(record).encode()
    text += bytes(-(len(text) + 8) % 16)
    header = bytearray(content[:352])
    struct.pack_into("<f", header, 108, 352 + len(text) + 8)
    return bytes(header) + struct.pack("<ii", len(text) + 8, 6) + text + content[352 + size:]


def mutate_upload(content: bytes, rng: random.Random) -> bytes:
    """Of a list [[file name, content in base64], ...]: names that lead elsewhere, files left out, doubled, damaged or of another kind."""
    files = [[name, base64.b64decode(data)] for name, data in json.loads(content)]
    for _ in range(rng.choice((1, 1, 2))):
        at, kind = rng.randrange(len(files)), rng.randrange(6)
        if kind == 0:
            files[at][0] = rng.choice(_FILE_NAMES)
        elif kind == 1:
            files[at][1] = mutate_bytes(files[at][1], rng)
        elif kind == 2:
            files.append([rng.choice((files[at][0], *_FILE_NAMES)), files[at][1]])
        elif kind == 3:
            files = files[:rng.randrange(1, max(2, len(files)))]
        elif kind == 4:
            files[at] = [rng.choice(_FILE_NAMES), rng.randbytes(rng.choice((0, 1, 400)))]
        else:
            letters = list(files[at][0])
            letters[rng.randrange(len(letters) or 1):] = [chr(rng.choice((0, 9, 47, 92, 233, 0x202e, 0xd83d)))]
            files[at][0] = "".join(letters)
    return json.dumps([[name, base64.b64encode(data).decode()] for name, data in files]).encode()
