//! The window of the envelope: the address stands in it, and nothing else does.
//!
//! Measures in millimetres from the top left corner of an A4 page. The defaults are those of a DL or
//! C5/6 envelope with its window on the right; printers differ, so a body can set its own.

use typst::layout::{Abs, Frame, FrameItem, Point, Transform};
use typst_layout::Page;

/// A rectangle in millimetres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Right edge.
    pub right: f64,
    /// Lower edge.
    pub bottom: f64,
}

impl Rect {
    fn grown(self, by: f64) -> Self {
        let Self { x, y, right, bottom } = self;
        Self { x: x - by, y: y - by, right: right + by, bottom: bottom + by }
    }

    fn meets(self, other: Self) -> bool {
        self.x < other.right
            && other.x < self.right
            && self.y < other.bottom
            && other.y < self.bottom
    }

    fn holds(self, other: Self) -> bool {
        self.x <= other.x
            && self.y <= other.y
            && other.right <= self.right
            && other.bottom <= self.bottom
    }
}

/// Where the address stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowSpec {
    /// The block of the address.
    pub block: Rect,
    /// How far around it the page stays empty: the paper shifts in the envelope.
    pub clearance_mm: f64,
}

impl Default for WindowSpec {
    fn default() -> Self {
        Self { block: Rect { x: 110.0, y: 45.0, right: 200.0, bottom: 75.0 }, clearance_mm: 3.0 }
    }
}

impl WindowSpec {
    /// Checks the first page: within the window only the `address`, and that wholly in the block.
    /// The error is a sentence for staff, without the address.
    pub fn check(&self, page: &Page, address: &[String]) -> Result<(), String> {
        let mut seen = Vec::new();
        walk(&page.frame, Transform::identity(), &mut seen);
        let window = self.block.grown(self.clearance_mm);
        let mut text = String::new();
        for (place, words) in seen.into_iter().filter(|(place, _)| place.meets(window)) {
            if !self.block.holds(place) {
                return Err("nella finestra della busta l’indirizzo non entra, o c’è altro".into());
            }
            match words {
                Some(words) => text.push_str(&words),
                None => return Err("nella finestra della busta c’è un disegno".into()),
            }
        }
        let solid = |text: &str| text.split_whitespace().collect::<String>();
        if solid(&text) == solid(&address.concat()) {
            Ok(())
        } else {
            Err("nella finestra della busta non c’è soltanto l’indirizzo intero".into())
        }
    }
}

/// Everything that leaves ink on the page: its place, and its words where it has any.
fn walk(frame: &Frame, transform: Transform, seen: &mut Vec<(Rect, Option<String>)>) {
    for (at, item) in frame.items() {
        let here = transform.pre_concat(Transform::translate(at.x, at.y));
        match item {
            FrameItem::Group(group) => {
                walk(&group.frame, here.pre_concat(group.transform), seen);
            }
            FrameItem::Text(text) => {
                let (ascent, descent) = (text.size * 0.8, text.size * 0.2);
                let place = rect(here, Abs::zero(), -ascent, text.width(), descent);
                seen.push((place, Some(text.text.to_string())));
            }
            FrameItem::Shape(shape, _) => {
                let bbox = shape.bbox(true);
                let (from, to) = (bbox.min, bbox.max);
                seen.push((rect(here, from.x, from.y, to.x, to.y), None));
            }
            FrameItem::Image(_, size, _) => {
                seen.push((rect(here, Abs::zero(), Abs::zero(), size.x, size.y), None));
            }
            FrameItem::Link(..) | FrameItem::Tag(_) => {}
        }
    }
}

fn rect(transform: Transform, x: Abs, y: Abs, right: Abs, bottom: Abs) -> Rect {
    let from = Point::new(x, y).transform(transform);
    let to = Point::new(right, bottom).transform(transform);
    let mm = |one: Abs, other: Abs| (one.min(other).to_mm(), one.max(other).to_mm());
    let ((x, right), (y, bottom)) = (mm(from.x, to.x), mm(from.y, to.y));
    Rect { x, y, right, bottom }
}
