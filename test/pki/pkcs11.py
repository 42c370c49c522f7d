"""As much of PKCS#11 as reading the objects of a trust module takes: NSS's libnssckbi.so and p11-kit's
p11-kit-trust.so. Standard library only."""
import contextlib
import ctypes
import glob

CKA_CLASS = 0x0
CKA_LABEL = 0x3
CKA_VALUE = 0x11
CKA_OBJECT_ID = 0x12
CKA_ISSUER = 0x81
CKA_SERIAL_NUMBER = 0x82
CKA_TRUSTED = 0x86
CKA_PUBLIC_KEY_INFO = 0x129
CKO_CERTIFICATE = 0x1

_NSS = 0xce534350
CKO_NSS_TRUST = _NSS + 3
CKA_NSS_SERVER_DISTRUST_AFTER = _NSS + 35
CKA_NSS_EMAIL_DISTRUST_AFTER = _NSS + 36
CKA_NSS_TRUST_SERVER_AUTH = _NSS + 0x2008
CKA_NSS_TRUST_CODE_SIGNING = _NSS + 0x200a
CKA_NSS_TRUST_EMAIL_PROTECTION = _NSS + 0x200b
CKT_NSS_TRUSTED_DELEGATOR = _NSS + 2
CKT_NSS_NOT_TRUSTED = _NSS + 10

CKA_X_DISTRUSTED = 0xd8444764
CKO_X_CERTIFICATE_EXTENSION = 0xd84447c8

# The places of functions in CK_FUNCTION_LIST.
_INITIALIZE, _FINALIZE, _GET_SLOT_LIST, _OPEN_SESSION, _CLOSE_SESSION = 0, 1, 4, 12, 13
_GET_ATTRIBUTE_VALUE, _FIND_OBJECTS_INIT, _FIND_OBJECTS, _FIND_OBJECTS_FINAL = 24, 26, 27, 28

_UNAVAILABLE = ctypes.c_ulong(-1).value
_CKF_OS_LOCKING_OK = 2
_CKF_SERIAL_SESSION = 4
_CKR_OK = 0
_CKR_ATTRIBUTE_TYPE_INVALID = 0x12


class _FunctionList(ctypes.Structure):
    _fields_ = [("version", ctypes.c_ubyte * 2), ("functions", ctypes.c_void_p * 68)]


class _InitializeArguments(ctypes.Structure):
    _fields_ = [("mutex_functions", ctypes.c_void_p * 4), ("flags", ctypes.c_ulong),
                ("reserved", ctypes.c_char_p)]


class _Attribute(ctypes.Structure):
    _fields_ = [("type", ctypes.c_ulong), ("value", ctypes.c_void_p), ("length", ctypes.c_ulong)]


def number(value):
    """A CK_ULONG attribute."""
    return int.from_bytes(value, "little")


def find_module(name):
    """The path of a module in the library directories, or None."""
    for pattern in ("/usr/lib/*/%s", "/usr/lib64/%s", "/usr/lib/%s"):
        for directory in ("pkcs11/", ""):
            for path in sorted(glob.glob(pattern % (directory + name))):
                return path
    return None


class Module:
    """A loaded module. `parameters`: what p11-kit calls its init argument."""

    def __init__(self, path, parameters=None):
        functions = ctypes.POINTER(_FunctionList)()
        if ctypes.CDLL(path).C_GetFunctionList(ctypes.byref(functions)) != _CKR_OK:
            raise OSError("%s has no function list" % path)
        self._functions = functions.contents.functions
        arguments = _InitializeArguments(flags=_CKF_OS_LOCKING_OK,
                                         reserved=parameters.encode() if parameters else None)
        self._call(_INITIALIZE, ctypes.byref(arguments))

    def close(self):
        self._call(_FINALIZE, None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _call(self, place, *arguments, also=()):
        function = ctypes.CFUNCTYPE(ctypes.c_ulong)(self._functions[place])
        function.argtypes = None
        result = function(*arguments)
        if result != _CKR_OK and result not in also:
            raise OSError("PKCS#11 function %d answered 0x%x" % (place, result))
        return result

    def objects(self, kind, attributes):
        """The objects of a class, of all tokens: [{attribute: bytes}], without the attributes that an
        object does not have."""
        count = ctypes.c_ulong()
        self._call(_GET_SLOT_LIST, ctypes.c_ubyte(1), None, ctypes.byref(count))
        slots = (ctypes.c_ulong * count.value)()
        self._call(_GET_SLOT_LIST, ctypes.c_ubyte(1), slots, ctypes.byref(count))
        found = []
        for slot in slots:
            with self._session(slot) as session:
                found += [self._attributes(session, handle, attributes)
                          for handle in self._find(session, kind)]
        return found

    @contextlib.contextmanager
    def _session(self, slot):
        session = ctypes.c_ulong()
        self._call(_OPEN_SESSION, ctypes.c_ulong(slot), ctypes.c_ulong(_CKF_SERIAL_SESSION), None, None,
                   ctypes.byref(session))
        try:
            yield session
        finally:
            self._call(_CLOSE_SESSION, session)

    def _find(self, session, kind):
        wanted = ctypes.c_ulong(kind)
        template = _Attribute(CKA_CLASS, ctypes.addressof(wanted), ctypes.sizeof(wanted))
        self._call(_FIND_OBJECTS_INIT, session, ctypes.byref(template), ctypes.c_ulong(1))
        handles = []
        some, count = (ctypes.c_ulong * 64)(), ctypes.c_ulong(1)
        while count.value:
            self._call(_FIND_OBJECTS, session, some, ctypes.c_ulong(len(some)), ctypes.byref(count))
            handles += some[:count.value]
        self._call(_FIND_OBJECTS_FINAL, session)
        return handles

    def _attributes(self, session, handle, wanted):
        values = {}
        for kind in wanted:
            attribute = _Attribute(kind, None, 0)
            result = self._call(_GET_ATTRIBUTE_VALUE, session, ctypes.c_ulong(handle),
                                ctypes.byref(attribute), ctypes.c_ulong(1),
                                also=(_CKR_ATTRIBUTE_TYPE_INVALID,))
            if result != _CKR_OK or attribute.length == _UNAVAILABLE:
                continue
            value = ctypes.create_string_buffer(max(attribute.length, 1))
            attribute.value = ctypes.addressof(value)
            self._call(_GET_ATTRIBUTE_VALUE, session, ctypes.c_ulong(handle), ctypes.byref(attribute),
                       ctypes.c_ulong(1))
            values[kind] = value.raw[:attribute.length]
        return values
