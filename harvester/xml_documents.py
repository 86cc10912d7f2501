"""Untrusted XML: every document that the harvester takes from outside is parsed here."""

from __future__ import annotations

import codecs

from lxml import etree

#: Scripts and concatenation leave blank lines and byte order marks before the XML declaration, which must be first.
_BEFORE_THE_DOCUMENT = codecs.BOM_UTF8 + b" \t\r\n"


def root_of(content: bytes) -> etree._Element:
    """The root of a document, in the encoding that it declares, without comments and processing instructions.

    No entity is resolved, and nothing is loaded.

    Raises:
        ValueError: It is not well-formed, not in its declared encoding, or declares a document type (hence entities).
    """
    # Comments are removed, because they would split the text around them.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(_from_its_beginning(content), parser)
    except (etree.LxmlError, ValueError, LookupError) as error:
        raise ValueError(f"it is not XML: {error or type(error).__name__}") from error
    if root.getroottree().docinfo.doctype:
        # No catalogue needs entities in its metadata; an HTML page declares a document type too.
        raise ValueError("it declares a document type, which metadata never does")
    return root


def _from_its_beginning(content: bytes) -> bytes:
    """The document without what precedes it; a byte order mark that gives the encoding stays."""
    document = content.lstrip(_BEFORE_THE_DOCUMENT)
    passed_over = content[: len(content) - len(document)]
    return codecs.BOM_UTF8 + document if codecs.BOM_UTF8 in passed_over else document
