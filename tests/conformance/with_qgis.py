"""What QGIS gets from a running server, without a key and with one: `python3 tests/conformance/with_qgis.py URL KEY`.

To be run by a Python that has PyQGIS (3.44 or later; Debian: python3-qgis), which is in no package index: so this is no
test. It works the search dialog as a person would, in a profile of its own and without a screen.
"""

from __future__ import annotations

import sys
import tempfile
from typing import Any

from osgeo import gdal
from qgis.core import (
    Qgis,
    QgsApplication,
    QgsAuthMethodConfig,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsStacConnection,
    QgsStacController,
)
from qgis.gui import QgsGui, QgsMapCanvas
from qgis.PyQt.QtCore import QEventLoop, Qt, QTimer, QUrl
from qgis.PyQt.QtWidgets import QDialogButtonBox, QLabel, QListView, QPushButton

AUTHENTICATION = "dinamis"  # QGIS wants seven characters.
NO_AUTHENTICATION = ""


def keep_key(key: str) -> None:
    """Give QGIS the key, `dk_<id>_<secret>`, as Basic authentication."""
    _, user, password = key.split("_", 2)
    basic = QgsAuthMethodConfig("Basic")
    basic.setId(AUTHENTICATION)
    basic.setName("key")
    basic.setConfigMap({"username": user, "password": password, "realm": ""})
    manager = QgsApplication.authManager()
    manager.setMasterPassword("of a profile that is thrown away", True)
    manager.storeAuthenticationConfig(basic, True)


def number_of_collections(url: str, authentication: str) -> int:
    """How many collections QGIS reads."""
    collections = _controller(authentication).fetchCollections(QUrl(f"{url}/collections"))
    return len(collections.takeCollections()) if collections else 0


def items(url: str, authentication: str) -> list[Any]:
    """All Items, page by page."""
    found: list[Any] = []
    page_url = QUrl(f"{url}/search?limit=20")
    while not page_url.isEmpty():
        page = _controller(authentication).fetchItemCollection(page_url)
        found += page.takeItems()
        page_url = page.nextUrl()
    return found


def _controller(authentication: str) -> QgsStacController:
    controller = QgsStacController()
    controller.setAuthCfg(authentication)
    return controller


def opens(source: str) -> bool:
    """Whether GDAL opens an image and QGIS reads a pixel of it."""
    layer = QgsRasterLayer(source, "tried", "gdal")
    return bool(layer.isValid() and layer.dataProvider().block(1, layer.extent(), 1, 1).isValid())


class SearchDialog:
    """*Add Layer from STAC Catalog*, connected."""

    def __init__(self, url: str, authentication: str) -> None:
        """Choose a connection and press *Connect*."""
        connection = QgsStacConnection.Data()
        connection.url, connection.authCfg = url, authentication
        QgsStacConnection.addConnection("tried", connection)
        QgsStacConnection.setSelectedConnection("tried")
        self.missed: list[str] = []
        QgsApplication.messageLog().messageReceived[str, str, Qgis.MessageLevel].connect(self._note)
        self._canvas = QgsMapCanvas()
        dialog = QgsGui.sourceSelectProviderRegistry().providerByName("stac")
        self._widget = dialog.createDataSourceWidget(
            None, Qt.WindowType.Widget, QgsProviderRegistry.WidgetMode.Embedded
        )
        self._widget.setMapCanvas(self._canvas)
        self._widget.findChild(QPushButton, "btnConnect").click()
        _wait(seconds=8)

    def _note(self, message: str, _tag: str, _level: Qgis.MessageLevel) -> None:
        if message.startswith("HTTP fetch"):
            self.missed.append(message)

    @property
    def status(self) -> str:
        """What stands below the list."""
        return str(self._widget.findChild(QLabel, "mStatusLabel").text())

    def added(self, row: int) -> list[str]:
        """The sources of the layers that *Add* asks for."""
        sources: list[str] = []
        self._widget.addRasterLayer.connect(lambda source, _name, _provider: sources.append(source))
        found = self._widget.findChild(QListView, "mItemsView")
        found.setCurrentIndex(found.model().index(row, 0))
        buttons = self._widget.findChild(QDialogButtonBox, "buttonBox").buttons()
        next(button for button in buttons if "Add" in button.text()).click()
        return sources


def _wait(seconds: int) -> None:
    loop = QEventLoop()
    QTimer.singleShot(seconds * 1000, loop.quit)
    loop.exec()


def report(url: str, authentication: str) -> None:
    """Print what QGIS gets in each way."""
    found = items(url, authentication)
    images = [(row, asset.uri().uri) for row, item in enumerate(found) for asset in item.assets().values()]
    layers = [(row, uri, f"{uri} authcfg='{authentication}'") for row, uri in images if uri.startswith("/vsicurl/")]
    opened = next(((row, uri) for row, uri, source in layers[:40] if opens(source if authentication else uri)), None)
    dialog = SearchDialog(url, authentication)
    print(f"  collections: {number_of_collections(url, authentication)}, Items: {len(found)}")
    print(f"  search dialog: {dialog.status}; thumbnails missed: {len(set(dialog.missed))}")
    print(f"  an image opens as a layer: {opened is not None}")
    if opened is not None:
        sources = dialog.added(opened[0])
        print(f"  Add in the dialog asks for {len(sources)} layers, and opens {sum(map(opens, sources))}")


def main(url: str, key: str) -> None:
    """Report twice: as nobody, and with the key."""
    with tempfile.TemporaryDirectory() as profile:
        application = QgsApplication([b"qgis", b"-platform", b"offscreen"], True, profile)
        application.initQgis()
        gdal.PushErrorHandler("CPLQuietErrorHandler")  # What GDAL says of refused images has the key in it.
        keep_key(key)
        print(f"QGIS {Qgis.version()}")
        for who, authentication in (("without a key", NO_AUTHENTICATION), ("with the key", AUTHENTICATION)):
            print(who)
            report(url.rstrip("/"), authentication)


if __name__ == "__main__":
    main(*sys.argv[1:])
