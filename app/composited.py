"""Whether windows may be translucent here: asked before a popup draws round corners and a shadow.

Under X11 without a compositing manager, what should be translucent is black. Qt does not tell, so
this asks the X server who owns the selection that every compositor takes (``_NET_WM_CM_S0``).
"""

from __future__ import annotations

import ctypes
import ctypes.util
import logging
from functools import cache
from typing import Any

from PySide6.QtGui import QGuiApplication

log = logging.getLogger(__name__)


class _Reply(ctypes.Structure):
    _fields_ = (
        ("response_type", ctypes.c_uint8),
        ("pad0", ctypes.c_uint8),
        ("sequence", ctypes.c_uint16),
        ("length", ctypes.c_uint32),
        ("value", ctypes.c_uint32),
    )


class _Cookie(ctypes.Structure):
    _fields_ = (("sequence", ctypes.c_uint),)


def composited() -> bool:
    """True where translucency works; costs one round trip under X11 and nothing elsewhere."""
    if QGuiApplication.platformName() != "xcb":
        return True
    connection = _connection()
    if connection is None:
        return False
    xcb, handle, libc = connection
    name = b"_NET_WM_CM_S0"
    atom = xcb.xcb_intern_atom_reply(handle, xcb.xcb_intern_atom(handle, 0, len(name), name), None)
    if not atom:
        return False
    cookie = xcb.xcb_get_selection_owner(handle, atom.contents.value)
    owner = xcb.xcb_get_selection_owner_reply(handle, cookie, None)
    found = bool(owner) and owner.contents.value != 0
    for reply in (atom, owner):
        libc.free(reply)
    return found


@cache
def _connection() -> tuple[Any, Any, Any] | None:
    """One connection for the life of the program: it is asked each time the popup appears."""
    try:
        xcb, libc = ctypes.CDLL("libxcb.so.1"), ctypes.CDLL(None)
    except OSError as error:
        log.debug("no libxcb: %s", error)
        return None
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    xcb.xcb_intern_atom.restype = _Cookie
    xcb.xcb_intern_atom.argtypes = [
        ctypes.c_void_p,
        ctypes.c_uint8,
        ctypes.c_uint16,
        ctypes.c_char_p,
    ]
    xcb.xcb_intern_atom_reply.restype = ctypes.POINTER(_Reply)
    xcb.xcb_intern_atom_reply.argtypes = [ctypes.c_void_p, _Cookie, ctypes.c_void_p]
    xcb.xcb_get_selection_owner.restype = _Cookie
    xcb.xcb_get_selection_owner.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
    xcb.xcb_get_selection_owner_reply.restype = ctypes.POINTER(_Reply)
    xcb.xcb_get_selection_owner_reply.argtypes = [ctypes.c_void_p, _Cookie, ctypes.c_void_p]
    libc.free.argtypes = [ctypes.c_void_p]
    libc.free.restype = None
    handle = xcb.xcb_connect(None, None)
    if xcb.xcb_connection_has_error(handle):
        return None
    return xcb, handle, libc
