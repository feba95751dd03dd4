//! Names of classes and types of samples, which the gdal crate leaves out.
#![expect(unsafe_code, reason = "the gdal crate has no call for category names, nor for complex types")]

use std::ffi::{CStr, CString};
use std::ptr;

use gdal::raster::RasterBand;

/// The names of the values from 0 on; empty where there are none.
pub(super) fn names(band: &RasterBand) -> Vec<String> {
    let mut names = Vec::new();
    // SAFETY: the band is open as long as it is borrowed. GDAL gives null, or an array of C strings that ends with null
    // and stays with the band until it is changed; the strings are copied here.
    unsafe {
        let mut entry = gdal_sys::GDALGetRasterCategoryNames(band.c_rasterband());
        while !entry.is_null() && !(*entry).is_null() {
            names.push(CStr::from_ptr(*entry).to_string_lossy().into_owned());
            entry = entry.add(1);
        }
    }
    names
}

/// Gives names to the values from 0 on; a name that holds a NUL is left empty.
pub(super) fn set_names(band: &mut RasterBand, names: &[String]) {
    let names: Vec<CString> = names.iter().map(|name| CString::new(name.as_str()).unwrap_or_default()).collect();
    let mut pointers: Vec<_> = names.iter().map(|name| name.as_ptr().cast_mut()).chain([ptr::null_mut()]).collect();
    // SAFETY: the array ends with null and, like its strings, outlives the call; GDAL copies it and changes nothing.
    unsafe { gdal_sys::GDALSetRasterCategoryNames(band.c_rasterband(), pointers.as_mut_ptr()) };
}

/// The type of the samples of a band as GDAL names it; the gdal crate knows no complex numbers.
pub(super) fn type_name(band: &RasterBand) -> String {
    // SAFETY: the band is open as long as it is borrowed; the name is a static string, or null for an unknown type.
    unsafe {
        let name = gdal_sys::GDALGetDataTypeName(gdal_sys::GDALGetRasterDataType(band.c_rasterband()));
        if name.is_null() { "Unknown".to_owned() } else { CStr::from_ptr(name).to_string_lossy().into_owned() }
    }
}
