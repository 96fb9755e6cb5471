"""What the stories are about: a text to copy, a password manager, and papers to download."""

from __future__ import annotations

import sys

LONG_TEXT = """\
The lighthouse at Westerheversand was built in 1908 on a mound in the salt marshes. Its tower is
made of cast iron plates that were bolted together on the spot, and two houses for the keepers
stand beside it. For seventy years a keeper lived there with his family and lit the lamp each
evening. In 1978 the lamp was automated, and the last keeper moved to the mainland. Storm surges
reached the mound many times. In 1962 the water stood one metre below the doors, and the families
carried their animals to the upper floor. Today one of the houses is a station of the national
park, the other can be booked for weddings. About forty thousand people visit the lighthouse each
year, most of them on foot along the old brick path through the marshes. The tower can be climbed
on three days of the week, and the view reaches as far as Helgoland on clear days.
"""
SECRET_OWNER = """
import sys
from Xlib import X, Xatom, display
from Xlib.protocol import event
x = display.Display()
window = x.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
atom, secret = x.intern_atom, sys.argv[1].encode()
data = {atom("UTF8_STRING"): secret, atom("x-kde-passwordManagerHint"): b"secret"}
window.set_selection_owner(atom("CLIPBOARD"), X.CurrentTime)
x.sync()
print("owns", flush=True)
while True:
    e = x.next_event()
    if e.type != X.SelectionRequest:
        continue
    given = e.property
    if e.target == atom("TARGETS"):
        e.requestor.change_property(given, Xatom.ATOM, 32, [atom("TARGETS"), *data])
    elif e.target in data:
        e.requestor.change_property(given, e.target, 8, data[e.target])
    else:
        given = X.NONE
    e.requestor.send_event(event.SelectionNotify(
        time=e.time, requestor=e.requestor, selection=e.selection, target=e.target,
        property=given))
    x.flush()
    print(x.get_atom_name(e.target), flush=True)
"""
"""A password manager: offers the text of its argument, and the hint that it is secret."""

HUNG_OWNER = """
import time
from Xlib import X, display
x = display.Display()
window = x.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
window.set_selection_owner(x.intern_atom("CLIPBOARD"), X.CurrentTime)
x.sync()
print("owns", flush=True)
time.sleep(600)
"""
"""A program that copied something and hangs."""

LARGE_OWNER = """
from PySide6.QtCore import QMimeData
from PySide6.QtGui import QGuiApplication
app = QGuiApplication([])
data = QMimeData()
data.setData("text/plain;charset=utf-8", b"x" * 200_000_000)
app.clipboard().setMimeData(data)
print("owns", flush=True)
app.exec()
"""
"""A program that copied 200 MB."""


def python(source: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs one of these."""
    return (sys.executable, "-c", source, *arguments)


def pdf(*lines: str) -> bytes:
    """A page with these lines, as a small program would print it."""
    said = ["BT /F1 12 Tf 72 760 Td 16 TL"]
    for line in lines:
        plain = line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        said.append(f"({plain}) Tj T*")
    said.append("ET")
    stream = "\n".join(said).encode("latin-1")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return out + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF\n" % (size, table, size, len(out))
    )


def invoice(number: int = 4711) -> bytes:
    """An invoice of 3 March 2026."""
    return pdf(
        "Northwind Traders Ltd",
        "Invoice",
        f"Invoice number: {number}",
        "Invoice date: 3 March 2026",
        "Bill to: Ana Silva",
        "10 boxes of tea             249.90 EUR",
        "VAT 19 %                     47.48 EUR",
        "Total due                   297.38 EUR",
        "Payable within 14 days by bank transfer.",
    )
