//! A reader of vector tiles for tests, written from the specification alone (Mapbox Vector Tile 2.1).

use geo::{Coord, LineString, Polygon};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Attribute {
    Text(String),
    Decimal(f64),
    Whole(u64),
    Flag(bool),
}

#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) layer: String,
    pub(super) id: u64,
    pub(super) attributes: Vec<(String, Attribute)>,
    pub(super) polygons: Vec<Polygon<f64>>,
    pub(super) lines: Vec<LineString<f64>>,
}

impl Decoded {
    pub(super) fn get(&self, key: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }
}

type Ring = Vec<(i64, i64)>;

enum Field<'a> {
    Number(u64),
    Eight([u8; 8]),
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    fn bytes(&self) -> &'a [u8] {
        if let Field::Bytes(b) = self { b } else { panic!("not bytes") }
    }

    fn number(&self) -> u64 {
        if let Field::Number(n) = self { *n } else { panic!("not a number") }
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let (byte, rest) = bytes.split_first().expect("a varint goes on");
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return value;
        }
    }
}

fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let head = varint(&mut bytes);
        let field = match head & 7 {
            0 => Field::Number(varint(&mut bytes)),
            1 => {
                let (eight, rest) = bytes.split_first_chunk::<8>().expect("eight bytes");
                bytes = rest;
                Field::Eight(*eight)
            }
            2 => {
                let length = varint(&mut bytes) as usize;
                let (part, rest) = bytes.split_at(length);
                bytes = rest;
                Field::Bytes(part)
            }
            other => panic!("wire type {other}"),
        };
        out.push((head >> 3, field));
    }
    out
}

fn packed(mut bytes: &[u8]) -> Vec<u64> {
    std::iter::from_fn(|| (!bytes.is_empty()).then(|| varint(&mut bytes))).collect()
}

pub(super) fn decode(tile: &[u8]) -> Vec<Decoded> {
    fields(tile).into_iter().inspect(|(n, _)| assert_eq!(*n, 3)).flat_map(|(_, f)| layer(f.bytes())).collect()
}

fn layer(bytes: &[u8]) -> Vec<Decoded> {
    let fields = fields(bytes);
    let all = |n: u64| fields.iter().filter(move |f| f.0 == n).map(|f| &f.1);
    let text = |f: &Field<'_>| String::from_utf8(f.bytes().to_vec()).expect("text");
    assert_eq!(all(15).next().map(Field::number), Some(2), "version");
    assert_eq!(all(5).next().map(Field::number), Some(4096), "extent");
    let name = all(1).next().map(text).expect("a name");
    let keys: Vec<String> = all(3).map(text).collect();
    let values: Vec<Attribute> = all(4).map(|f| value(f.bytes())).collect();
    let decoded: Vec<_> = all(2).map(|f| feature(f.bytes(), &name, &keys, &values)).collect();
    assert!(!decoded.is_empty(), "a layer without features");
    decoded
}

fn value(bytes: &[u8]) -> Attribute {
    match fields(bytes).as_slice() {
        [(1, Field::Bytes(b))] => Attribute::Text(String::from_utf8(b.to_vec()).expect("text")),
        [(3, Field::Eight(b))] => Attribute::Decimal(f64::from_le_bytes(*b)),
        [(5, Field::Number(n))] => Attribute::Whole(*n),
        [(7, Field::Number(n))] => Attribute::Flag(*n == 1),
        _ => panic!("a value of an unexpected type"),
    }
}

fn feature(bytes: &[u8], layer: &str, keys: &[String], values: &[Attribute]) -> Decoded {
    let fields = fields(bytes);
    let one = |n: u64| fields.iter().find(|f| f.0 == n).map(|f| &f.1).expect("a feature has all fields");
    let (kind, commands) = (one(3).number(), packed(one(4).bytes()));
    let tags = packed(one(2).bytes());
    let attributes = tags.chunks(2).map(|t| (keys[t[0] as usize].clone(), values[t[1] as usize].clone())).collect();
    let (polygons, lines) = match kind {
        2 => (Vec::new(), lines(&commands)),
        3 => (polygons(&commands), Vec::new()),
        other => panic!("geometry of type {other}"),
    };
    Decoded { layer: layer.to_owned(), id: one(1).number(), attributes, polygons, lines }
}

/// The pen that geometry commands move, from where the last one left it.
#[derive(Default)]
struct Pen {
    at: (i64, i64),
}

impl Pen {
    /// Moves by what two numbers say; a line does not stand still.
    fn step(&mut self, numbers: &mut dyn Iterator<Item = u64>) -> ((i64, i64), (i64, i64)) {
        let mut signed = || numbers.next().map(|n| (n >> 1) as i64 ^ -((n & 1) as i64)).expect("a coordinate");
        let (dx, dy) = (signed(), signed());
        self.at = (self.at.0 + dx, self.at.1 + dy);
        ((dx, dy), self.at)
    }

    /// A path from `MoveTo` and `LineTo` with at least so many steps.
    fn path(&mut self, numbers: &mut dyn Iterator<Item = u64>, least: u64) -> Ring {
        let mut path = vec![self.step(numbers).1];
        let line = numbers.next().expect("LineTo");
        assert!(line & 7 == 2 && line >> 3 >= least, "LineTo {least} or more");
        for _ in 0..line >> 3 {
            let (by, to) = self.step(numbers);
            assert_ne!(by, (0, 0), "a step of nothing");
            path.push(to);
        }
        path
    }
}

fn line_string(path: &Ring) -> LineString<f64> {
    LineString(path.iter().map(|(x, y)| Coord { x: *x as f64, y: *y as f64 }).collect())
}

fn lines(commands: &[u64]) -> Vec<LineString<f64>> {
    let (mut numbers, mut pen, mut out) = (commands.iter().copied(), Pen::default(), Vec::new());
    while let Some(command) = numbers.next() {
        assert_eq!(command, 9, "MoveTo one");
        out.push(line_string(&pen.path(&mut numbers, 1)));
    }
    assert!(!out.is_empty(), "a feature without lines");
    out
}

fn polygons(commands: &[u64]) -> Vec<Polygon<f64>> {
    let (mut numbers, mut pen) = (commands.iter().copied(), Pen::default());
    let mut out: Vec<(Ring, Vec<Ring>)> = Vec::new();
    while let Some(command) = numbers.next() {
        assert_eq!(command, 9, "MoveTo one");
        let ring = pen.path(&mut numbers, 2);
        assert_eq!(numbers.next(), Some(15), "ClosePath");
        assert_ne!(ring.first(), ring.last(), "the first point is repeated");
        let next = ring.iter().cycle().skip(1);
        let twice: i64 = ring.iter().zip(next).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum();
        assert_ne!(twice, 0, "a ring without area");
        match out.last_mut() {
            Some((_, holes)) if twice < 0 => holes.push(ring),
            None if twice < 0 => panic!("a hole comes first"),
            _ => out.push((ring, Vec::new())),
        }
    }
    let holes = |holes: &[Ring]| holes.iter().map(line_string).collect();
    out.iter().map(|(exterior, inner)| Polygon::new(line_string(exterior), holes(inner))).collect()
}
