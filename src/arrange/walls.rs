//! Finished outlines of buildings, found by place.

use std::collections::HashMap;

use super::point::Point;

/// The walls of one polygon: rings with the building on their left.
#[derive(Debug)]
pub(super) struct Outline {
    pub region: u32,
    /// Closed: the last point is the first.
    pub rings: Vec<Vec<Point>>,
}

/// Outlines by the square cells that their bounds touch.
pub(super) struct Walls {
    pub outlines: Vec<Outline>,
    cells: HashMap<(i64, i64), Vec<u32>>,
    cell: i64,
}

impl Walls {
    pub fn new(outlines: Vec<Outline>, cell: i64) -> Self {
        let mut cells: HashMap<(i64, i64), Vec<u32>> = HashMap::new();
        for (number, outline) in outlines.iter().enumerate() {
            let points = || outline.rings.iter().flatten();
            let (xs, ys) = (points().map(|p| p.x), points().map(|p| p.y));
            let range = |low: Option<i64>, high: Option<i64>| match (low, high) {
                (Some(low), Some(high)) => (low - 2).div_euclid(cell)..=(high + 2).div_euclid(cell),
                _ => order(0, 0),
            };
            let cols = range(xs.clone().min(), xs.max());
            for row in range(ys.clone().min(), ys.max()) {
                for col in cols.clone() {
                    cells.entry((row, col)).or_default().push(number as u32);
                }
            }
        }
        Self { outlines, cells, cell }
    }

    /// Whether an outline's bounds touch one of the cells that a line passes.
    pub fn is_near(&self, line: &[Point]) -> bool {
        line.windows(2).any(|pair| {
            let cell = |v: i64| v.div_euclid(self.cell);
            let (cols, rows) = (order(cell(pair[0].x), cell(pair[1].x)), order(cell(pair[0].y), cell(pair[1].y)));
            rows.into_iter().any(|row| cols.clone().any(|col| self.cells.contains_key(&(row, col))))
        })
    }

    /// Whether the middle of a segment lies inside an outline; of walls themselves either may be said.
    pub fn hold(&self, a: Point, b: Point) -> bool {
        let twice = Point { x: a.x + b.x, y: a.y + b.y };
        let at = (twice.y.div_euclid(2 * self.cell), twice.x.div_euclid(2 * self.cell));
        let near = self.cells.get(&at).into_iter().flatten();
        near.into_iter().any(|number| self.outlines[*number as usize].holds(twice))
    }
}

fn order(a: i64, b: i64) -> std::ops::RangeInclusive<i64> {
    a.min(b)..=a.max(b)
}

impl Outline {
    /// Whether a point, given by twice its coordinates, lies inside.
    pub fn holds(&self, twice: Point) -> bool {
        let passes = |pair: &&[Point]| {
            let [a, b] = [0, 1].map(|i| Point { x: 2 * pair[i].x - twice.x, y: 2 * pair[i].y - twice.y });
            (a.y <= 0) != (b.y <= 0) && (a.cross(b) > 0) == (b.y > a.y)
        };
        self.rings.iter().flat_map(|ring| ring.windows(2)).filter(passes).count() % 2 == 1
    }

    /// The point of the walls that is nearest to another, on the lattice, and its distance.
    pub fn nearest(&self, to: Point) -> Option<(Point, f64)> {
        let on = |pair: &[Point]| {
            let d = pair[1].minus(pair[0]);
            let share = (d.dot(to.minus(pair[0])) as f64 / (d.dot(d) as f64).max(1.0)).clamp(0.0, 1.0);
            let at = |from: i64, by: i64| from + (share * by as f64).round() as i64;
            let foot = Point { x: at(pair[0].x, d.x), y: at(pair[0].y, d.y) };
            (foot, foot.minus(to).length())
        };
        let feet = self.rings.iter().flat_map(|ring| ring.windows(2)).map(on);
        feet.min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)))
    }
}
