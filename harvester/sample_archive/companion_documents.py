"""The documents beside a DIM: strip and processing lineage, and the volumes that lead to it."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from harvester.sample_archive.component import Component, Place
from harvester.sample_archive.passes import nadir_of
from harvester.sample_archive.product_document import (
    PRODUCER,
    geodetic_crs,
    identification,
    product_information,
    temporal_crs,
)
from harvester.sample_archive.xml_tree import element, linked, measured, serialised, zulu


def strip_document(component: Component) -> bytes:
    """LINEAGE/STRIP: the orbit and the point below the satellite."""
    spec, satellite = component.spec, component.spec.satellite
    profile = f"{satellite.profile}_{'ARCHIVE' if component.family.name == 'spot' else spec.level}"
    lon, lat = nadir_of(component.view, spec.lon, spec.lat, component.family.altitude_km)
    ephemeris = element(
        "Ephemeris_Configuration",
        measured("NADIR_LAT", lat, "deg"),
        measured("NADIR_LON", lon, "deg"),
        element("ACQUISITION_ORBIT_NUMBER", spec.orbit_number),
        element("ACQUISITION_ORBIT_DIRECTION", "DESCENDING"),
    )
    root = element(
        "Dimap_Document",
        identification(component, profile, "STRIP"),
        element(
            "Strip_Identification",
            element("STRIP_ID", component.source_id),
            element("STRIP_TYPE", "NOMINAL"),
            element(
                "Mission_Identification",
                element("MISSION", satellite.mission),
                element("MISSION_INDEX", satellite.index),
            ),
        ),
        element(
            "Acquisition_Configuration",
            element("Platform_Configuration", ephemeris),
            element("Instrument_Configuration", element("Time_Configuration", _time_range(component))),
        ),
        element("Telemetry_Configuration", element("Receiving", element("RECEIVING_STATION", "FR1"))),
        element("Catalog", element("Coordinate_Reference_System", geodetic_crs(), temporal_crs()), _album(component)),
        _programming(component),
    )
    return serialised(root, component.family.encoding)


def processing_document(component: Component) -> bytes:
    """LINEAGE/PROCESSING: what made the product."""
    step = element(
        "Processing_Step",
        element("DATE_TIME", zulu(component.centre_at)),
        element("SOFTWARE", PRODUCER, attributes={"version": "1"}),
    )
    root = element(
        "Dimap_Document",
        identification(component, f"{component.spec.satellite.profile}_{component.spec.level}", "PROCESSING"),
        element("Processing_Step_List", step),
    )
    return serialised(root)


def volume_documents(components: Sequence[Component]) -> dict[str, bytes]:
    """The documents above the DIM files, by their path from the root of the delivery."""
    return {"phr": _phr_volume, "spot": _spot_volumes, "pneo": _pneo_volume}[components[0].family.name](components)


def image_folder(component: Component) -> str:
    """The IMG folder of a component, from the root of its delivery."""
    if component.family.name != "spot":
        return component.folder
    code, number = component.spec.mission, f"{component.view_number:03}"
    return f"PROD_{code}_{number}/VOL_{code}_{number}_A/{component.folder}"


def delivery_folder(component: Component) -> str:
    """The name of the delivery's own folder."""
    return f"{component.spec.job}_1_1_STD_A" if component.family.name == "pneo" else component.spec.job


def _time_range(component: Component) -> ElementTree.Element:
    first, last = (Place("", 1, row) for row in (1, component.grid.rows))
    return element(
        "Time_Range",
        element("START", zulu(component.view.acquired_at)),
        element("END", zulu(component.time_at(last) + (component.time_at(first) - component.view.acquired_at))),
    )


def _album(component: Component) -> ElementTree.Element:
    corners = component.grid.ring(((0, 0), (1, 0), (1, 1), (0, 1)))[:-1]
    vertices = []
    for col, row in corners:
        lon, lat = component.grid.lonlat(col, row)
        vertices.append(element("Vertex", element("LON", float(lon)), element("LAT", float(lat))))
    return element("Full_Strip", element("Album_Footprint", *vertices))


def _programming(component: Component) -> ElementTree.Element:
    coupling = {1: "NONE", 2: "STEREO"}.get(len(component.spec.views), "TRISTEREO")
    request = [element("PROGRAMMING_REQUEST_ID", f"SY_{component.spec.job}"), element("COUPLING_MODE", coupling)]
    nested = component.family.name == "phr"
    return element("Programming", *([element("Coupling_Information", *request)] if nested else request))


def _phr_volume(components: Sequence[Component]) -> dict[str, bytes]:
    links = [_dim_link(component, component.folder) for component in components]
    document = _volume(components[0], "VOLUME", "SINGLE_VOLUME", "PHR Volume Description", links)
    return {"VOL_PHR.XML": document}


def _pneo_volume(components: Sequence[Component]) -> dict[str, bytes]:
    links = [_dim_link(component, component.folder) for component in components]
    title = f"PNEO Volume Description: {components[0].spec.job}_1_1"
    return {"VOL_PNEO.XML": _volume(components[0], "VOLUME", "ORDER_VOLUME", title, links)}


def _spot_volumes(components: Sequence[Component]) -> dict[str, bytes]:
    """SPOT_LIST above one SPOT_PROD per view, each above one SPOT_VOL."""
    documents, products = {}, []
    for number in sorted({component.view_number for component in components}):
        of_view = [component for component in components if component.view_number == number]
        first, code = of_view[0], of_view[0].spec.mission
        product, volume = f"PROD_{code}_{number:03}", f"VOL_{code}_{number:03}_A"
        dims = [_dim_link(component, component.folder) for component in of_view]
        volumes = [_document_link(volume, f"{volume}/SPOT_VOL.XML")]
        documents[f"{product}/{volume}/SPOT_VOL.XML"] = _volume(
            first, "VOLUME", "SINGLE_VOLUME", "SPOT Volume Description", dims
        )
        documents[f"{product}/SPOT_PROD.XML"] = _volume(
            first, "PRODUCT", "SINGLE_PRODUCT", "SPOT Product Description", volumes
        )
        products.append(_document_link(product, f"{product}/SPOT_PROD.XML"))
    documents["SPOT_LIST.XML"] = _volume(
        components[0], "DATASET", "SINGLE_DATASET", "SPOT Delivery Description", products, in_content=False
    )
    return documents


def _dim_link(component: Component, folder: str) -> ElementTree.Element:
    title = f"{component.spec.level} {component.mode_name} {component.dataset_name}"
    link = _document_link(title, f"{folder}/DIM_{component.stem}.XML")
    if component.family.name == "pneo":
        link.append(linked("COMPONENT_QL_PATH", f"{folder}/PREVIEW_{component.stem}.JPG"))
    else:
        link.append(linked("COMPONENT_TN_PATH", f"{folder}/ICON_{component.stem}.JPG"))
        link.append(element("COMPONENT_TN_FORMAT", "image/jpeg"))
    return link


def _document_link(title: str, href: str) -> ElementTree.Element:
    return element(
        "Component",
        element("COMPONENT_TITLE", title),
        element("COMPONENT_TYPE", "DIMAP"),
        linked("COMPONENT_PATH", href),
    )


def _volume(
    component: Component,
    profile: str,
    subprofile: str,
    title: str,
    links: Sequence[ElementTree.Element],
    *,
    in_content: bool = True,
) -> bytes:
    listed = element("Dataset_Components", *links)
    root = element(
        "Dimap_Document",
        identification(component, profile, subprofile),
        element("Dataset_Identification", element("DATASET_NAME", title), element("DATASET_ID", component.spec.job)),
        product_information(component),
        # SPOT_LIST alone has its components at the root.
        element("Dataset_Content", listed) if in_content else listed,
    )
    return serialised(root, component.family.encoding)
