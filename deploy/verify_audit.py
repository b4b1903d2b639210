#!/usr/bin/env python3
"""Verifies an audit log (docs/audit.md) with Python alone: verify_audit.py STORE.db [ANCHOR KEY...]

STORE.db may be `-`, an export on standard input. KEYs (name+1a2b3c4d+AbCd...) must come from a
place of their own. Prints the finding and the first bad row; 0: intact, 2: broken, 3: cannot tell.
"""
# ruff: noqa: BLE001, D103, D415, T201 - a script, to be read as a whole

import json
import sqlite3
import sys
from base64 import b64decode
from hashlib import sha256, sha512
from pathlib import Path

ROWS = """SELECT seq, hash, prev, payload_commit, salt, at, actor, action, subject_type, subject_id,
payload FROM audit LEFT JOIN audit_payload USING (seq) ORDER BY seq"""
ROW, PAYLOAD = b"monitoring-dagster-audit-v1\0", b"monitoring-dagster-audit-payload-v1\0"
P, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493  # RFC 8032, section 5.1
D, TURN, BASE = -121665 * pow(121666, -1, P), pow(2, (P - 1) // 4, P), bytes([88] + [102] * 31)


def is_signed(key, text, signature):
    def add(p, q):
        a, b = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0])
        c, d = 2 * p[3] * q[3] * D, 2 * p[2] * q[2]
        return (b - a) * (d - c) % P, (d + c) * (b + a) % P, (d * d - c * c) % P, b * b - a * a

    def times(n, p):
        return add(times(n >> 1, add(p, p)), p if n & 1 else (0, 1, 1, 0)) if n else (0, 1, 1, 0)

    def point(raw):
        y = int.from_bytes(raw, "little") % 2**255
        square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
        root = pow(square, (P + 3) // 8, P)
        roots = [x for r in (root, root * TURN) for x in (r % P, -r % P) if x * x % P == square]
        return next(((x, y, 1, x * y) for x in roots if x % 2 == raw[31] >> 7), (0, 1, 1, 0))

    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    k = int.from_bytes(sha512(r + key + text).digest(), "little")
    p, q = times(s, point(BASE)), add(point(r), times(k, point(key)))
    return s < ORDER and (p[0] * q[2] - q[0] * p[2]) % P == 0 == (p[1] * q[2] - q[1] * p[2]) % P


def digest(start, parts, end=b""):
    return sha256(start + b"".join(len(p).to_bytes(4, "big") + p for p in parts) + end).digest()


def is_whole(n, row):
    return len(row) > 2 and row[1] == digest(ROW + n.to_bytes(8, "big") + row[2], row[5:10], row[3])


def rows_then_head(source):
    if source != "-":
        store = sqlite3.connect(f"{Path(source).absolute().as_uri()}?mode=ro", uri=True)
        store.text_factory = bytes
        store.execute("BEGIN")
        yield from store.execute(ROWS)
        yield store.execute("SELECT seq, hash FROM audit_head").fetchone() or (0, b"")
    for line in sys.stdin if source == "-" else ():
        seq, *row = json.loads(line).values()
        texts = [t if t is None else t.encode(errors="surrogateescape") for t in row[4:]]
        yield [seq, *(h if h is None else bytes.fromhex(h) for h in row[:4]), *texts]


def findings(source, anchor=None, *keys):  # whether it is so, what it is, the first bad row
    known = {bytes.fromhex(key[-53:-45]): b64decode(key[-44:])[1:] for key in keys}
    notes, checks, signed = Path(anchor).read_bytes().split(b"\n\n") if anchor else [], [], {}
    for body, lines in zip(notes[::2], notes[1::2], strict=False):
        size, root, raws = *body.split(b"\n")[1:3], [b64decode(x[-92:]) for x in lines.split(b"\n")]
        checks += [[is_signed(known[r[:4]], body + b"\n", r[4:]) for r in raws if r[:4] in known]]
        if any(checks[-1]):
            signed.setdefault(int(size), set()).add(b64decode(root))
    (seq, prev, vouched), items = (0, bytes(32), 0), rows_then_head(source)
    for n, row in enumerate(items, 1):
        if len(row) > 2:
            fits, whole = row[2] == prev, is_whole(n, row)
            yield row[0] != n, "gap" if row[0] > n else "fork", min(row[0], n)
            later = (is_whole(n, other) and other[2] == prev for other in items)
            yield not (fits and whole) and any(later), "swap", n
            yield not whole, "edit", n
            yield not fits, *(("fork", n) if seq == vouched else ("edit", seq))
            yield row[10] is not None and row[3] != digest(PAYLOAD, row[4::6]), "payload_edited", n
            yield signed.get(n, {row[1]}) != {row[1]}, "fork", vouched + 1
            seq, prev, vouched = n, row[1], n if n in signed else vouched
    size, last = row
    yield size != seq, "truncation" if size > seq else "head_rolled_back", min(size, seq) + 1
    yield last != prev, "edit", seq
    yield max(signed, default=0) > seq, "restored_from_backup", seq + 1
    yield any(False in check for check in checks), "bad_signature", None
    yield [] in checks, "cannot tell", "a checkpoint is signed with none of these keys"


try:
    found = next((what for is_so, *what in findings(*sys.argv[1:]) if is_so), ["intact"])
except Exception as error:
    found = ["cannot tell", repr(error)]
print(*found)
sys.exit({"intact": 0, "cannot tell": 3}.get(found[0], 2))
