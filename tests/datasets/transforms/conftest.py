"""Pictures that no library writes."""

import struct
import zlib

import pytest


@pytest.fixture
def png_of():
    """Write a PNG: `rows` are its bytes, each row after the number of its filter; `chunks` come before them."""

    def write(path, width, height, depth, colour, rows, *chunks):
        header = struct.pack('>IIBBBBB', width, height, depth, colour, 0, 0, 0)
        content = b'\x89PNG\r\n\x1a\n'
        for name, data in [(b'IHDR', header), *chunks, (b'IDAT', zlib.compress(rows)), (b'IEND', b'')]:
            content += struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))
        path.write_bytes(content)
        return str(path)

    return write
