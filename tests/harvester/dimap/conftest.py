"""Deliveries as the source of deliveries hands them over: the samples, and documents made for one test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from harvester.dimap import read_metadata_file, scene_from_delivery
from harvester.record import SceneRecord
from harvester.sensors import Sensors

Content = dict[str, Any]
ContentOf = Callable[[str], Content]


@pytest.fixture(scope="session")
def dimap_samples(samples: Path) -> Path:
    """The folder of DIMAP samples."""
    return samples / "dimap"


@pytest.fixture
def content_of(dimap_samples: Path) -> ContentOf:
    """A function from a sample's path to the content of its raw record."""
    return lambda path: delivery_content(dimap_samples, path)


def delivery_content(root: Path, path: str) -> Content:
    """What the source of deliveries would say of the product at a path below a directory."""
    metadata = root / path
    data = metadata.read_bytes()
    documents = {"product": as_text(data)}
    files: dict[str, Mapping[str, Any]] = {}
    links = read_metadata_file(data, path).links
    if links is None:
        return {"root": root.as_uri(), "path": path, "documents": documents, "files": files, "problem": None}
    for href in links.hrefs():
        if (file := metadata.parent / href).is_file():
            files[href] = {"size": file.stat().st_size, "cog": False}
    for role, name in (("roi", links.roi), ("strip", links.strip), ("clouds", links.clouds)):
        if name in files:
            documents[role] = as_text((metadata.parent / str(name)).read_bytes())
    return {"root": root.as_uri(), "path": path, "documents": documents, "files": files, "problem": None}


def as_text(data: bytes) -> str:
    """Bytes as they are kept in a raw record."""
    return data.decode("utf-8", "surrogateescape")


PRODUCT = """<?xml version="1.0" encoding="UTF-8"?>
<Dimap_Document>
  <Metadata_Identification>
    <METADATA_FORMAT version="2.15">DIMAP</METADATA_FORMAT>
    <METADATA_PROFILE>PHR_ORTHO</METADATA_PROFILE>
    <METADATA_SUBPROFILE>PRODUCT</METADATA_SUBPROFILE>
  </Metadata_Identification>
  <Dataset_Identification>
    <DATASET_NAME>DS_PHR1A_202301021030000_MADE</DATASET_NAME>
    <DATASET_TN_PATH href="ICON.JPG"/>
    <DATASET_QL_PATH href="PREVIEW.JPG"/>
  </Dataset_Identification>
  <Dataset_Content>
    <SURFACE_AREA unit="square km">4.0</SURFACE_AREA>
    <CLOUD_COVERAGE unit="percent">12.5</CLOUD_COVERAGE>
    <Dataset_Extent>
      <Vertex><LON>2.0</LON><LAT>45.02</LAT><COL>1</COL><ROW>1</ROW></Vertex>
      <Vertex><LON>2.03</LON><LAT>45.02</LAT><COL>100</COL><ROW>1</ROW></Vertex>
      <Vertex><LON>2.03</LON><LAT>45.0</LAT><COL>100</COL><ROW>80</ROW></Vertex>
      <Vertex><LON>2.0</LON><LAT>45.0</LAT><COL>1</COL><ROW>80</ROW></Vertex>
      <Center><LON>2.015</LON><LAT>45.01</LAT></Center>
    </Dataset_Extent>
  </Dataset_Content>
  <Product_Information>
    <Delivery_Identification>
      <PRODUCTION_DATE>2023-01-03T08:00:00</PRODUCTION_DATE>
      <JOB_ID>MADE-1</JOB_ID>
      <Order_Identification>
        <CUSTOMER_REFERENCE>a private name</CUSTOMER_REFERENCE>
        <COMMENT>a private comment</COMMENT>
      </Order_Identification>
    </Delivery_Identification>
  </Product_Information>
  <Coordinate_Reference_System>
    <Projected_CRS><PROJECTED_CRS_CODE>urn:ogc:def:crs:EPSG::32631</PROJECTED_CRS_CODE></Projected_CRS>
  </Coordinate_Reference_System>
  <Geoposition>
    <Geoposition_Insert>
      <ULXMAP>421000</ULXMAP><ULYMAP>4985000</ULYMAP><XDIM>20</XDIM><YDIM>20</YDIM>
    </Geoposition_Insert>
    <Geoposition_Models><Rational_Function_Model><Component>
      <COMPONENT_PATH href="RPC.XML"/>
    </Component></Rational_Function_Model></Geoposition_Models>
  </Geoposition>
  <Processing_Information>
    <Product_Settings>
      <PROCESSING_LEVEL>ORTHO</PROCESSING_LEVEL>
      <SPECTRAL_PROCESSING>PMS</SPECTRAL_PROCESSING>
      <Radiometric_Settings><RADIOMETRIC_PROCESSING>BASIC</RADIOMETRIC_PROCESSING></Radiometric_Settings>
      <Sampling_Settings><RESAMPLING_SPACING unit="m">0.5</RESAMPLING_SPACING></Sampling_Settings>
    </Product_Settings>
  </Processing_Information>
  <Raster_Data>
    <Data_Access>
      <Data_Files>
        <Data_File tile_R="1" tile_C="1"><DATA_FILE_PATH href="IMG_R1C1.TIF"/></Data_File>
      </Data_Files>
    </Data_Access>
    <Raster_Dimensions><NROWS>80</NROWS><NCOLS>100</NCOLS><NBANDS>4</NBANDS></Raster_Dimensions>
    <Raster_Encoding><DATA_TYPE>INTEGER</DATA_TYPE><NBITS>16</NBITS><SIGN>UNSIGNED</SIGN></Raster_Encoding>
    <Raster_Display>
      <Special_Value>
        <SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_COUNT>0</SPECIAL_VALUE_COUNT>
      </Special_Value>
    </Raster_Display>
  </Raster_Data>
  <Radiometric_Data>
    <Dynamic_Range><PRODUCT_RANGE>12</PRODUCT_RANGE></Dynamic_Range>
    <Radiometric_Calibration><Instrument_Calibration><Band_Measurement_List>
      <Band_Spectral_Range>
        <BAND_ID>B0</BAND_ID><MEASURE_UNIT>micrometers</MEASURE_UNIT><MIN>0.43</MIN><MAX>0.55</MAX>
      </Band_Spectral_Range>
      <Band_Radiance><BAND_ID>B0</BAND_ID><GAIN>8.0</GAIN><BIAS>0.25</BIAS></Band_Radiance>
    </Band_Measurement_List></Instrument_Calibration></Radiometric_Calibration>
  </Radiometric_Data>
  <Geometric_Data>
    <Use_Area>
      <Located_Geometric_Values>
        <LOCATION_TYPE>Top Center</LOCATION_TYPE>
        <TIME>2023-01-02T10:30:00.2Z</TIME>
        <Acquisition_Angles>
          <AZIMUTH_ANGLE>180.0</AZIMUTH_ANGLE><VIEWING_ANGLE>9.0</VIEWING_ANGLE>
          <INCIDENCE_ANGLE_ALONG_TRACK>-5.0</INCIDENCE_ANGLE_ALONG_TRACK>
          <INCIDENCE_ANGLE_ACROSS_TRACK>-5.0</INCIDENCE_ANGLE_ACROSS_TRACK>
          <INCIDENCE_ANGLE>10.0</INCIDENCE_ANGLE>
        </Acquisition_Angles>
        <Solar_Incidences><SUN_AZIMUTH>160</SUN_AZIMUTH><SUN_ELEVATION>40</SUN_ELEVATION></Solar_Incidences>
      </Located_Geometric_Values>
      <Located_Geometric_Values>
        <LOCATION_TYPE>Center</LOCATION_TYPE>
        <TIME>2023-01-02T10:30:00.9Z</TIME>
        <Acquisition_Angles>
          <AZIMUTH_ANGLE>180.0</AZIMUTH_ANGLE><VIEWING_ANGLE>10.0</VIEWING_ANGLE>
          <INCIDENCE_ANGLE_ALONG_TRACK>-8.0</INCIDENCE_ANGLE_ALONG_TRACK>
          <INCIDENCE_ANGLE_ACROSS_TRACK>-8.0</INCIDENCE_ANGLE_ACROSS_TRACK>
          <INCIDENCE_ANGLE>11.3</INCIDENCE_ANGLE>
        </Acquisition_Angles>
        <Solar_Incidences><SUN_AZIMUTH>161</SUN_AZIMUTH><SUN_ELEVATION>41</SUN_ELEVATION></Solar_Incidences>
      </Located_Geometric_Values>
    </Use_Area>
  </Geometric_Data>
  <Quality_Assessment>
    <Imaging_Quality_Measurement>
      <MEASURE_NAME>Area_Of_Interest (ROI)</MEASURE_NAME>
      <Quality_Mask><Component>
        <COMPONENT_TYPE>ENCAPSULATED</COMPONENT_TYPE><COMPONENT_PATH href="MASKS/ROI.GML"/>
      </Component></Quality_Mask>
    </Imaging_Quality_Measurement>
  </Quality_Assessment>
  <Dataset_Sources>
    <Source_Identification>
      <SOURCE_ID>DS_PHR1A_202301021030001_MADE_00001</SOURCE_ID>
      <SOURCE_TYPE>Strip_Source</SOURCE_TYPE>
      <Strip_Source>
        <MISSION>PHR</MISSION><MISSION_INDEX>1A</MISSION_INDEX>
        <IMAGING_DATE>2023-01-02</IMAGING_DATE><IMAGING_TIME>10:30:00.1Z</IMAGING_TIME>
      </Strip_Source>
      <Component><COMPONENT_PATH href="LINEAGE/STRIP.XML"/></Component>
    </Source_Identification>
  </Dataset_Sources>
</Dimap_Document>
"""


class MadeProduct:
    """A small valid product, written for the tests after the rules of the format, to be edited and read."""

    path = "job/IMG 01/DIM.XML"

    def __init__(self, sensors: Sensors) -> None:
        self._sensors = sensors

    def edited(self, *changes: tuple[str, str]) -> str:
        """The document with each first text replaced by its second; the first must occur."""
        text = PRODUCT
        for old, new in changes:
            assert old in text, f"the made product has no {old}"
            text = text.replace(old, new)
        return text

    def content(self, document: str | bytes, **linked: bytes | None) -> Content:
        """The content of a raw record with this document, linked ones, and every file that the made product names."""
        data = document.encode() if isinstance(document, str) else document
        given = {"product": data, **linked}
        names = ("IMG_R1C1.TIF", "ICON.JPG", "PREVIEW.JPG", "RPC.XML", "MASKS/ROI.GML")
        return {
            "root": "file:///archive",
            "path": self.path,
            "documents": {role: as_text(value) for role, value in given.items() if value is not None},
            "files": {name: {"size": 10, "cog": name.endswith(".TIF")} for name in names},
            "problem": None,
        }

    def read(self, *changes: tuple[str, str], **linked: bytes | None) -> SceneRecord:
        """The scene of the edited document, with those that it names by their role: `roi`, `strip`, `clouds`."""
        return self.read_bytes(self.edited(*changes).encode(), **linked)

    def read_bytes(self, document: bytes, **linked: bytes | None) -> SceneRecord:
        """The scene of a document of the caller."""
        return scene_from_delivery(self.content(document, **linked), self._sensors)


@pytest.fixture(scope="session")
def made(sensors: Sensors) -> MadeProduct:
    """The product made for the tests."""
    return MadeProduct(sensors)


def mask_of(srs_name: str, *rings: str) -> bytes:
    """A region-of-interest mask with one polygon per ring."""
    members = "".join(
        f"<hma:MaskFeature><gml:extentOf><gml:Polygon srsName='{srs_name}'><gml:exterior><gml:LinearRing>"
        f"<gml:posList>{ring}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></gml:extentOf>"
        "</hma:MaskFeature>"
        for ring in rings
    )
    return (
        "<hma:Mask xmlns:gml='http://www.opengis.net/gml' xmlns:hma='http://earth.esa.int/hma'>"
        f"<hma:maskMembers>{members}</hma:maskMembers></hma:Mask>"
    ).encode()


@pytest.fixture(scope="session")
def roi_mask() -> Callable[..., bytes]:
    """A function that writes a region-of-interest mask."""
    return mask_of


@pytest.fixture(scope="session")
def delivery_content_of_path(dimap_samples: Path) -> ContentOf:
    """As `content_of`, for fixtures that outlive one test."""
    return lambda path: delivery_content(dimap_samples, path)
