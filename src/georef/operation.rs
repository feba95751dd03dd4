//! PROJ in safe Rust: the kind of a reference system, and operations between two of them.
#![expect(unsafe_code, reason = "the proj crate panics where PROJ gives no reason, and reads no kinds of systems")]

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{self, NonNull};

use proj_sys::{PJ_CONTEXT, PJ_COORD, PJ_XYZT, PJconsts};

/// Kind of a reference system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Geographic, projected, or another one that PROJ may relate to the earth.
    Horizontal,
    /// X, Y and Z from the centre of the earth.
    Geocentric,
    /// Heights or depths alone.
    Vertical,
    /// Local: a building site, an image, an unnamed plane.
    Engineering,
    /// Times.
    Temporal,
}

/// Unit of heights.
#[derive(Debug, Clone, PartialEq)]
pub struct VerticalUnit {
    /// The name that the reference system gives.
    pub name: String,
    /// Metres of one unit; negative where the axis points down.
    pub metres: f64,
}

/// What a definition describes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Described {
    pub(super) name: String,
    /// Of its horizontal part, if it has one.
    pub(super) kind: Kind,
    /// The horizontal part of a compound system, as WKT.
    pub(super) horizontal: Option<String>,
    /// Of the vertical part, or of the third axis.
    pub(super) vertical: Option<VerticalUnit>,
    /// `AUTHORITY:code` of a system of that name, for a system that has no place on the earth.
    pub(super) namesake: Option<String>,
}

/// A PROJ context and the last message that PROJ logged to it.
struct Context {
    raw: NonNull<PJ_CONTEXT>,
    said: Box<RefCell<String>>,
}

impl Context {
    fn new() -> Result<Self, String> {
        let said = Box::new(RefCell::new(String::new()));
        // SAFETY: the context is new and owned; the sink is boxed, so that it stays in place, and dropped after the context.
        unsafe {
            let raw = NonNull::new(proj_sys::proj_context_create()).ok_or("PROJ has no memory")?;
            let sink = ptr::from_ref::<RefCell<String>>(&said).cast_mut().cast();
            proj_sys::proj_log_func(raw.as_ptr(), sink, Some(log));
            Ok(Self { raw, said })
        }
    }

    /// The reason of the last failure.
    fn reason(&self) -> String {
        let said = self.said.borrow().trim().to_owned();
        if !said.is_empty() {
            return said;
        }
        // SAFETY: the context is alive; PROJ returns null or a string of its own that is copied at once.
        unsafe {
            let number = proj_sys::proj_context_errno(self.raw.as_ptr());
            let text = text(proj_sys::proj_context_errno_string(self.raw.as_ptr(), number));
            text.filter(|text| !text.is_empty()).unwrap_or_else(|| "PROJ gives no reason".to_owned())
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: owned, and every object of it is dropped before: they borrow it or stand before it in their struct.
        unsafe { proj_sys::proj_context_destroy(self.raw.as_ptr()) };
    }
}

/// Keeps what PROJ logs. Logging itself must not unwind into C: a sink in use is left alone.
unsafe extern "C" fn log(sink: *mut c_void, _level: c_int, message: *const c_char) {
    // SAFETY: the sink is the one given to `proj_log_func`, which outlives the context; the message is a C string or null.
    let (sink, message) = unsafe { (sink.cast::<RefCell<String>>().as_ref(), text(message)) };
    if let (Some(sink), Some(message)) = (sink, message)
        && let Ok(mut said) = sink.try_borrow_mut()
    {
        *said = message;
    }
}

/// Copies a C string; `None` for null.
///
/// # Safety
/// The pointer is null or points to a string that ends with NUL.
unsafe fn text(raw: *const c_char) -> Option<String> {
    // SAFETY: as the caller promises.
    (!raw.is_null()).then(|| unsafe { CStr::from_ptr(raw) }.to_string_lossy().into_owned())
}

/// A PROJ object; its context must live as long.
struct Object(NonNull<PJconsts>);

impl Object {
    fn of(raw: *mut PJconsts) -> Option<Self> {
        NonNull::new(raw).map(Self)
    }

    fn raw(&self) -> *mut PJconsts {
        self.0.as_ptr()
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: owned, and destroyed once.
        unsafe { proj_sys::proj_destroy(self.raw()) };
    }
}

/// An operation between two reference systems, x east and y north on both sides. It belongs to one thread.
pub(super) struct Operation {
    // Dropped before its context.
    object: Object,
    _context: Context,
}

impl Operation {
    /// The operation between two definitions.
    ///
    /// # Errors
    /// PROJ's reason, when it knows none.
    pub(super) fn between(from: &str, to: &str) -> Result<Self, String> {
        let context = Context::new()?;
        let (from, to) = (c_string(from)?, c_string(to)?);
        // SAFETY: context and strings are alive; what PROJ returns is owned, or null.
        let object = unsafe {
            let raw = context.raw.as_ptr();
            let found = Object::of(proj_sys::proj_create_crs_to_crs(raw, from.as_ptr(), to.as_ptr(), ptr::null_mut()));
            let found = found.ok_or_else(|| context.reason())?;
            Object::of(proj_sys::proj_normalize_for_visualization(raw, found.raw())).ok_or_else(|| context.reason())?
        };
        Ok(Self { object, _context: context })
    }

    /// The image of a position.
    ///
    /// # Errors
    /// PROJ's reason, when the position has none.
    pub(super) fn apply(&self, x: f64, y: f64) -> Result<(f64, f64), String> {
        // SAFETY: object and context are alive and used by this thread alone; every view of the coordinate is four numbers.
        unsafe {
            proj_sys::proj_errno_reset(self.object.raw());
            let at = PJ_COORD { xyzt: PJ_XYZT { x, y, z: 0.0, t: f64::INFINITY } };
            let to = proj_sys::proj_trans(self.object.raw(), proj_sys::PJ_DIRECTION_PJ_FWD, at).xy;
            match proj_sys::proj_errno(self.object.raw()) {
                0 => Ok((to.x, to.y)),
                number => {
                    Err(text(proj_sys::proj_errno_string(number)).unwrap_or_else(|| "outside its domain".to_owned()))
                }
            }
        }
    }
}

/// Describes a definition.
///
/// # Errors
/// PROJ's reason, when it reads no reference system in it.
pub(super) fn describe(definition: &str) -> Result<Described, String> {
    let context = Context::new()?;
    let plain = definition.contains("proj=") && !definition.contains("type=crs") && !definition.contains('[');
    let text = c_string(&if plain { format!("{definition} +type=crs") } else { definition.to_owned() })?;
    // SAFETY: context and string are alive; what PROJ returns is owned, or null.
    let whole = Object::of(unsafe { proj_sys::proj_create(context.raw.as_ptr(), text.as_ptr()) });
    let whole = whole.ok_or_else(|| context.reason())?;
    let name = name_of(&whole);
    let compound = kind_number(&whole) == proj_sys::PJ_TYPE_PJ_TYPE_COMPOUND_CRS;
    let mut vertical = axis_unit(&context, &whole, 2);
    let mut part = whole;
    // A bound system stands around another one, a compound one around its parts.
    for _ in 0..4 {
        // SAFETY: context and object are alive; what PROJ returns is owned, or null.
        let inner = unsafe {
            let raw = context.raw.as_ptr();
            match kind_number(&part) {
                proj_sys::PJ_TYPE_PJ_TYPE_BOUND_CRS => Object::of(proj_sys::proj_get_source_crs(raw, part.raw())),
                proj_sys::PJ_TYPE_PJ_TYPE_COMPOUND_CRS => {
                    let heights = Object::of(proj_sys::proj_crs_get_sub_crs(raw, part.raw(), 1));
                    vertical = heights.and_then(|heights| axis_unit(&context, &heights, 0));
                    Object::of(proj_sys::proj_crs_get_sub_crs(raw, part.raw(), 0))
                }
                _ => None,
            }
        };
        let Some(inner) = inner else { break };
        part = inner;
    }
    let kind = kind_of(&part)?;
    if kind == Kind::Vertical {
        vertical = axis_unit(&context, &part, 0);
    }
    let horizontal = if compound { wkt_of(&context, &part) } else { None };
    let namesake = if kind == Kind::Engineering { namesake(&context, &name_of(&part)) } else { None };
    Ok(Described { name, kind, horizontal, vertical, namesake })
}

fn c_string(text: &str) -> Result<CString, String> {
    CString::new(text).map_err(|_| "the definition holds a NUL".to_owned())
}

fn name_of(object: &Object) -> String {
    // SAFETY: the object is alive; the string is its own and copied at once.
    unsafe { text(proj_sys::proj_get_name(object.raw())) }.unwrap_or_default()
}

fn kind_number(object: &Object) -> proj_sys::PJ_TYPE {
    // SAFETY: the object is alive.
    unsafe { proj_sys::proj_get_type(object.raw()) }
}

fn kind_of(object: &Object) -> Result<Kind, String> {
    Ok(match kind_number(object) {
        proj_sys::PJ_TYPE_PJ_TYPE_GEOCENTRIC_CRS => Kind::Geocentric,
        proj_sys::PJ_TYPE_PJ_TYPE_VERTICAL_CRS => Kind::Vertical,
        proj_sys::PJ_TYPE_PJ_TYPE_ENGINEERING_CRS => Kind::Engineering,
        proj_sys::PJ_TYPE_PJ_TYPE_TEMPORAL_CRS => Kind::Temporal,
        proj_sys::PJ_TYPE_PJ_TYPE_GEODETIC_CRS
        | proj_sys::PJ_TYPE_PJ_TYPE_GEOGRAPHIC_CRS
        | proj_sys::PJ_TYPE_PJ_TYPE_GEOGRAPHIC_2D_CRS
        | proj_sys::PJ_TYPE_PJ_TYPE_GEOGRAPHIC_3D_CRS
        | proj_sys::PJ_TYPE_PJ_TYPE_PROJECTED_CRS
        | proj_sys::PJ_TYPE_PJ_TYPE_COMPOUND_CRS
        | proj_sys::PJ_TYPE_PJ_TYPE_BOUND_CRS
        | proj_sys::PJ_TYPE_PJ_TYPE_OTHER_CRS => Kind::Horizontal,
        _ => return Err("it is not a coordinate reference system".to_owned()),
    })
}

/// The unit of an axis, if the system has that many.
fn axis_unit(context: &Context, object: &Object, axis: c_int) -> Option<VerticalUnit> {
    let (mut direction, mut name, mut factor) = (ptr::null(), ptr::null(), 1.0);
    // SAFETY: context and object are alive; PROJ writes to the places given and accepts null for the others; its strings
    // belong to the coordinate system and are copied before that is dropped.
    unsafe {
        let raw = context.raw.as_ptr();
        let cs = Object::of(proj_sys::proj_crs_get_coordinate_system(raw, object.raw()))?;
        if proj_sys::proj_cs_get_axis_count(raw, cs.raw()) <= axis {
            return None;
        }
        let none = ptr::null_mut;
        let found = proj_sys::proj_cs_get_axis_info(
            raw,
            cs.raw(),
            axis,
            none(),
            none(),
            &raw mut direction,
            &raw mut factor,
            &raw mut name,
            none(),
            none(),
        );
        let down = text(direction).is_some_and(|direction| direction.eq_ignore_ascii_case("down"));
        let metres = if down { -factor } else { factor };
        (found != 0 && factor > 0.0).then(|| VerticalUnit { name: text(name).unwrap_or_default(), metres })
    }
}

fn wkt_of(context: &Context, object: &Object) -> Option<String> {
    // SAFETY: context and object are alive; the string belongs to the object and is copied at once.
    unsafe {
        let kind = proj_sys::PJ_WKT_TYPE_PJ_WKT2_2019;
        text(proj_sys::proj_as_wkt(context.raw.as_ptr(), object.raw(), kind, ptr::null()))
    }
}

/// `AUTHORITY:code` of the system of the database that bears a name.
fn namesake(context: &Context, name: &str) -> Option<String> {
    // Such a name could be a definition, too: only what names are made of.
    let is_name = name.len() > 3 && name.contains(' ') && !name.contains(['[', '{', '=', '+', ':']);
    let name = c_string(name).ok().filter(|_| is_name)?;
    // SAFETY: context and string are alive; what PROJ returns is owned, or null; its strings are copied at once.
    unsafe {
        let found = Object::of(proj_sys::proj_create(context.raw.as_ptr(), name.as_ptr()))?;
        let horizontal = kind_of(&found).is_ok_and(|kind| kind == Kind::Horizontal);
        let authority = text(proj_sys::proj_get_id_auth_name(found.raw(), 0)).filter(|_| horizontal)?;
        Some(format!("{authority}:{}", text(proj_sys::proj_get_id_code(found.raw(), 0))?))
    }
}
