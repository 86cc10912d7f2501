"""XML that others wrote: every document that the harvester takes from outside is parsed here, without trust."""

from __future__ import annotations

import codecs

from lxml import etree

#: Scripts and files joined together leave blank lines and marks before the XML declaration, which must be first.
_BEFORE_THE_DOCUMENT = codecs.BOM_UTF8 + b" \t\r\n"


def root_of(content: bytes) -> etree._Element:
    """The root of a document, in the encoding that it declares, without comments and processing instructions.

    No entity is resolved, and nothing is loaded.

    Raises:
        ValueError: It is not well-formed, not in its encoding, or declares a document type (and with it entities).
    """
    # Comments are left out, because they would cut the text around them in two.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(_from_its_beginning(content), parser)
    except (etree.LxmlError, ValueError, LookupError) as error:
        raise ValueError(f"it is not XML: {error or type(error).__name__}") from error
    if root.getroottree().docinfo.doctype:
        # Whoever needs entities to write metadata is not a catalogue; an HTML page has one too.
        raise ValueError("it declares a document type, which metadata never does")
    return root


def _from_its_beginning(content: bytes) -> bytes:
    """Without what stands before the document; a mark that tells the encoding stays."""
    document = content.lstrip(_BEFORE_THE_DOCUMENT)
    passed_over = content[: len(content) - len(document)]
    return codecs.BOM_UTF8 + document if codecs.BOM_UTF8 in passed_over else document
