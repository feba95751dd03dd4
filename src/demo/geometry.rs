//! Points, local frames and rings in the plane of the town: metres east and north of its south-west corner.

use std::ops::{Add, Mul, Sub};

/// A position or a direction, in metres east and north.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// East.
    pub x: f64,
    /// North.
    pub y: f64,
}

/// Short for [`Point`].
pub const fn point(x: f64, y: f64) -> Point {
    Point { x, y }
}

/// A closed line without its last point repeated.
pub type Ring = Vec<Point>;

impl Add for Point {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        point(self.x + other.x, self.y + other.y)
    }
}

impl Sub for Point {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        point(self.x - other.x, self.y - other.y)
    }
}

impl Mul<f64> for Point {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        point(self.x * factor, self.y * factor)
    }
}

impl Point {
    /// The scalar product.
    pub fn dot(self, other: Self) -> f64 {
        self.x * other.x + self.y * other.y
    }

    /// Turned left by a right angle.
    pub fn left(self) -> Self {
        point(-self.y, self.x)
    }

    /// The length.
    pub fn length(self) -> f64 {
        self.dot(self).sqrt()
    }

    /// The same direction with length one; the point must not be the origin.
    pub fn unit(self) -> Self {
        self * (1.0 / self.length())
    }
}

/// A local frame: where its origin lies and where its x axis points (a unit vector).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// The origin.
    pub at: Point,
    /// The direction of local x.
    pub axis: Point,
}

impl Place {
    /// A local position in the plane of the town.
    pub fn map(&self, x: f64, y: f64) -> Point {
        self.at + self.axis * x + self.axis.left() * y
    }

    /// A frame at a local position with the same axes.
    pub fn shifted(&self, x: f64, y: f64) -> Self {
        Self { at: self.map(x, y), axis: self.axis }
    }

    /// A frame at the same position whose x axis is this one's y axis.
    pub fn turned(&self) -> Self {
        Self { at: self.at, axis: self.axis.left() }
    }

    /// A ring given in local positions.
    pub fn ring(&self, local: &[Point]) -> Ring {
        local.iter().map(|p| self.map(p.x, p.y)).collect()
    }

    /// A rectangle between two local corners.
    pub fn rectangle(&self, r: Rectangle) -> Ring {
        self.ring(&r.corners())
    }
}

/// A rectangle in a local frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rectangle {
    /// The corner with the least x and y.
    pub min: Point,
    /// The corner with the greatest x and y.
    pub max: Point,
}

impl Rectangle {
    /// Around the origin.
    pub fn centred(width: f64, depth: f64) -> Self {
        Self { min: point(-width / 2.0, -depth / 2.0), max: point(width / 2.0, depth / 2.0) }
    }

    /// Between two corners.
    pub fn new(x0: f64, y0: f64, x1: f64, y1: f64) -> Self {
        Self { min: point(x0, y0), max: point(x1, y1) }
    }

    /// The extent along x and y.
    pub fn size(&self) -> (f64, f64) {
        (self.max.x - self.min.x, self.max.y - self.min.y)
    }

    /// The middle.
    pub fn center(&self) -> Point {
        (self.min + self.max) * 0.5
    }

    /// Anticlockwise from `min`.
    pub fn corners(&self) -> [Point; 4] {
        let Self { min, max } = *self;
        [min, point(max.x, min.y), max, point(min.x, max.y)]
    }
}

/// The upright rectangle around rings.
pub fn bounds(rings: &[Ring]) -> Rectangle {
    let mut b = Rectangle::new(f64::MAX, f64::MAX, f64::MIN, f64::MIN);
    for p in rings.iter().flatten() {
        b.min = point(b.min.x.min(p.x), b.min.y.min(p.y));
        b.max = point(b.max.x.max(p.x), b.max.y.max(p.y));
    }
    b
}

/// An anticlockwise ring with every side moved inwards by `distance_m` (mitred).
pub fn inset(ring: &[Point], distance_m: f64) -> Ring {
    let n = ring.len();
    let corner = |k: usize| {
        let (before, here, after) = (ring[(k + n - 1) % n], ring[k], ring[(k + 1) % n]);
        let (a, b) = ((here - before).unit().left(), (after - here).unit().left());
        here + (a + b) * (distance_m / (1.0 + a.dot(b)))
    };
    (0..n).map(corner).collect()
}

/// Whether two convex rings share more than a border (separating axes).
pub fn convex_overlap(a: &[Point], b: &[Point]) -> bool {
    let apart = |from: &[Point], other: &[Point]| {
        (0..from.len()).any(|k| {
            let normal = (from[(k + 1) % from.len()] - from[k]).left();
            let reach = |ring: &[Point]| {
                ring.iter().fold((f64::MAX, f64::MIN), |(low, high), p| {
                    let d = p.dot(normal);
                    (low.min(d), high.max(d))
                })
            };
            let ((low_a, high_a), (low_b, high_b)) = (reach(from), reach(other));
            high_a <= low_b + 1e-6 || high_b <= low_a + 1e-6
        })
    };
    !apart(a, b) && !apart(b, a)
}

/// The convex hull, anticlockwise (Andrew 1979, monotone chain).
pub fn hull(points: &[Point]) -> Ring {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
    let chain = |points: &mut dyn Iterator<Item = &Point>| {
        let mut chain: Ring = Vec::new();
        for p in points {
            while let [.., a, b] = chain[..]
                && (b - a).left().dot(*p - a) <= 0.0
            {
                chain.pop();
            }
            chain.push(*p);
        }
        chain.pop();
        chain
    };
    let mut ring = chain(&mut sorted.iter());
    ring.extend(chain(&mut sorted.iter().rev()));
    ring
}

/// Whether a point lies inside a ring (even-odd).
pub fn inside(ring: &[Point], p: Point) -> bool {
    let edge = |k: usize| (ring[k], ring[(k + 1) % ring.len()]);
    let crosses =
        |(a, b): (Point, Point)| (a.y > p.y) != (b.y > p.y) && p.x < a.x + (p.y - a.y) / (b.y - a.y) * (b.x - a.x);
    (0..ring.len()).filter(|k| crosses(edge(*k))).count() % 2 == 1
}

/// A ribbon of `width_m` along a line.
pub fn ribbon(line: &[Point], width_m: f64) -> Ring {
    let last = line.len() - 1;
    let side = |k: usize, sign: f64| {
        let along = (line[(k + 1).min(last)] - line[k.saturating_sub(1)]).unit();
        line[k] + along.left() * (sign * width_m / 2.0)
    };
    (0..=last).map(|k| side(k, -1.0)).chain((0..=last).rev().map(|k| side(k, 1.0))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inset_square_is_smaller_by_twice_the_distance() {
        let b = bounds(&[inset(&Rectangle::centred(10.0, 6.0).corners(), 1.0)]);
        assert_eq!(b.size(), (8.0, 4.0));
    }

    #[test]
    fn neighbours_that_share_a_wall_do_not_overlap() {
        let (a, b) = (Rectangle::new(0.0, 0.0, 4.0, 4.0), Rectangle::new(4.0, 0.0, 8.0, 4.0));
        assert!(!convex_overlap(&a.corners(), &b.corners()));
        assert!(convex_overlap(&a.corners(), &Rectangle::new(3.9, 1.0, 5.0, 2.0).corners()));
    }

    #[test]
    fn a_ribbon_has_its_width() {
        let ring = ribbon(&[point(0.0, 0.0), point(5.0, 0.0), point(10.0, 0.0)], 2.0);
        assert_eq!(bounds(std::slice::from_ref(&ring)).size(), (10.0, 2.0));
        assert!(inside(&ring, point(5.0, 0.9)) && !inside(&ring, point(5.0, 1.1)));
    }
}
