"""What a Mach-O file says of itself, read without tools of Apple's or LLVM's.

    images = mach_o.read(path)      one for each architecture; Malformed if the file is not one

Only what the tests ask. The format: Apple's <mach-o/loader.h>, <mach-o/fat.h> and <mach-o/nlist.h>. Standard library
only, CPython 3.8 or later.
"""
import struct

ARCHITECTURES = {0x01000007: "x86_64", 0x0100000c: "arm64"}
EXECUTE, BUNDLE = 2, 8  # file types
# Flags of the header.
NO_UNDEFINED, DYLD_LINKED, TWO_LEVEL, ALLOW_STACK_EXECUTION, PIE, NO_REEXPORTS = 1, 4, 0x80, 0x20000, 0x200000, 0x100000
MACOS = 1  # the platform in LC_BUILD_VERSION
LINKS = {0xc: "LC_LOAD_DYLIB", 0x80000018: "LC_LOAD_WEAK_DYLIB", 0x8000001f: "LC_REEXPORT_DYLIB",
         0x80000023: "LC_LOAD_UPWARD_DYLIB", 0x20: "LC_LAZY_LOAD_DYLIB"}
SEGMENT, SYMTAB, RPATH, BUILD_VERSION, CODE_SIGNATURE, ENVIRONMENT = 0x19, 0x2, 0x8000001c, 0x32, 0x1d, 0x27


class Malformed(Exception):
    """The file is no Mach-O file of 64 bits, or one that is not whole."""


class Image:
    """One architecture."""

    def __init__(self, data):
        magic, processor, _, self.type, count, _, self.flags, _ = unpack("<8I", data, 0)
        if magic != 0xfeedfacf:
            raise Malformed("no Mach-O image of 64 bits")
        self.architecture = ARCHITECTURES.get(processor, hex(processor))
        self.libraries = []    # (the load command's name, the install name), in the order of their ordinals
        self.run_paths = []
        self.segments = {}     # name: initial protection, 1 to read, 2 to write, 4 to execute
        self.commands = set()  # their numbers
        self.platform = self.minimum = None
        self.exports = set()
        self.imports = set()   # (symbol, install name)
        symbols = None
        at = 32
        for _ in range(count):
            command, size = unpack("<2I", data, at)
            if size < 8:
                raise Malformed("a load command of %d bytes" % size)
            self.commands.add(command)
            if command in LINKS:
                self.libraries.append((LINKS[command], text(data, at + unpack("<I", data, at + 8)[0])))
            elif command == RPATH:
                self.run_paths.append(text(data, at + unpack("<I", data, at + 8)[0]))
            elif command == SEGMENT:
                name = data[at + 8:at + 24].rstrip(b"\0").decode()
                self.segments[name] = unpack("<I", data, at + 60)[0]
            elif command == BUILD_VERSION:
                self.platform, version = unpack("<2I", data, at + 8)
                self.minimum = "%d.%d" % (version >> 16, version >> 8 & 0xff)
            elif command == SYMTAB:
                symbols = unpack("<4I", data, at + 8)
            at += size
        if symbols is None:
            raise Malformed("no symbol table")
        self._read_symbols(data, *symbols)

    def _read_symbols(self, data, at, count, strings, _):
        for entry in range(at, at + count * 16, 16):
            name, kind, _, description, _ = unpack("<IBBHQ", data, entry)
            if kind & 0xe0 or not kind & 1:  # a debugger's, or not external
                continue
            if kind & 0xe:
                if not kind & 0x10:  # private external: hidden
                    self.exports.add(text(data, strings + name))
            else:
                ordinal = description >> 8  # GET_LIBRARY_ORDINAL
                library = self.libraries[ordinal - 1][1] if 0 < ordinal <= len(self.libraries) else "nobody's"
                self.imports.add((text(data, strings + name), library))


def unpack(form, data, at):
    try:
        return struct.unpack_from(form, data, at)
    except struct.error:
        raise Malformed("it ends before byte %d" % (at + struct.calcsize(form)))


def text(data, at):
    end = data.find(b"\0", at)
    if end < 0:
        raise Malformed("a text without an end")
    return data[at:end].decode()


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    magic, count = unpack(">2I", data, 0)
    if magic != 0xcafebabe:
        return [Image(data)]
    images = []
    for entry in range(8, 8 + count * 20, 20):
        _, _, offset, size, _ = unpack(">5I", data, entry)
        images.append(Image(data[offset:offset + size]))
    return images
