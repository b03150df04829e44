//! The QR code (ISO/IEC 18004) of a notice: version, level and module size chosen so that it is
//! still read after printing, fax, stamp and scan; what would not survive is refused.
//!
//! Damage, not size, decides whether a code is read, so level Q is preferred to M wherever its module
//! stays at or above [`GOOD_MM`]. Versions [`SMALLEST`] to [`LARGEST`] only: the reader knows no other.

use fast_qr::{ECL, Mode, QRBuilder, Version};

/// A module of this size or more leaves room for a bad fax (204 × 98 dpi).
pub const GOOD_MM: f64 = 0.5;
/// Below this no setting of ours survives a second-hand scan.
pub const LEAST_MM: f64 = 0.4;
/// The smallest version used.
pub const SMALLEST: usize = 3;
/// The largest version used.
pub const LARGEST: usize = 8;
/// White modules around the symbol, on each side (ISO/IEC 18004, 9.1).
pub const QUIET: usize = 4;

/// Characters that fit in versions 3 to 8: alphanumeric mode at Q and M, byte mode at Q and M.
const CAPACITY: [[usize; 6]; 4] = [
    [47, 67, 87, 108, 125, 157],
    [61, 90, 122, 154, 178, 221],
    [32, 46, 60, 74, 86, 108],
    [42, 62, 84, 106, 122, 152],
];

/// How much of the symbol may be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// About 25 %.
    Q,
    /// About 15 %.
    M,
}

/// A symbol, as modules.
#[derive(Clone, Debug, PartialEq)]
pub struct Qr {
    /// Version, [`SMALLEST`] to [`LARGEST`].
    pub version: usize,
    /// Level of correction.
    pub level: Level,
    /// Side of a module in millimetres when printed in the box asked for.
    pub module_mm: f64,
    /// Side of the printed square in millimetres, quiet zone included.
    pub side_mm: f64,
    modules: Vec<bool>,
}

/// Why there is no code: it would not survive the paper.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refuse {
    /// Nothing to write.
    #[error("il testo del codice è vuoto")]
    Empty,
    /// The text does not fit version 8 at level M.
    #[error("il testo del codice ha {length} caratteri e ce ne stanno {most}")]
    TooLong {
        /// Characters given.
        length: usize,
        /// Characters that fit.
        most: usize,
    },
    /// The modules would be smaller than [`LEAST_MM`].
    #[error("il riquadro di {given_mm:.0} mm è troppo piccolo: ne servono almeno {needed_mm:.0}")]
    BoxTooSmall {
        /// Side of the box.
        given_mm: f64,
        /// Side needed.
        needed_mm: f64,
    },
    /// The encoder refused what the tables allow.
    #[error("il codice non si può scrivere")]
    Encoder,
}

/// Side of a version with its quiet zone, in modules.
const fn side(version: usize) -> usize {
    17 + 4 * version + 2 * QUIET
}

fn is_alphanumeric(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase() || b" $%*+-./:".contains(&b))
}

/// The smallest version that holds `length` characters.
fn fits(length: usize, alphanumeric: bool, level: Level) -> Option<usize> {
    let row = usize::from(!alphanumeric) * 2 + usize::from(level == Level::M);
    CAPACITY[row].iter().position(|most| length <= *most).map(|index| SMALLEST + index)
}

/// Chooses version and level for a square box of `box_mm`, quiet zone included, and draws the code.
pub fn draw(text: &str, box_mm: f64) -> Result<Qr, Refuse> {
    if text.is_empty() {
        return Err(Refuse::Empty);
    }
    let alphanumeric = is_alphanumeric(text);
    let size = |version: usize| box_mm / side(version) as f64;
    let strong = fits(text.len(), alphanumeric, Level::Q).map(|version| (version, Level::Q));
    let weak = fits(text.len(), alphanumeric, Level::M).map(|version| (version, Level::M));
    let Some(weak) = weak else {
        let most = CAPACITY[usize::from(!alphanumeric) * 2 + 1][LARGEST - SMALLEST];
        return Err(Refuse::TooLong { length: text.len(), most });
    };
    let (version, level) = match strong {
        Some(strong) if size(strong.0) >= GOOD_MM || strong.0 == weak.0 => strong,
        _ => weak,
    };
    if size(version) < LEAST_MM {
        let needed_mm = (LEAST_MM * side(version) as f64).ceil();
        return Err(Refuse::BoxTooSmall { given_mm: box_mm, needed_mm });
    }
    encode(text, alphanumeric, version, level, box_mm)
}

fn encode(
    text: &str,
    alphanumeric: bool,
    version: usize,
    level: Level,
    box_mm: f64,
) -> Result<Qr, Refuse> {
    const VERSIONS: [Version; 6] =
        [Version::V03, Version::V04, Version::V05, Version::V06, Version::V07, Version::V08];
    let code = QRBuilder::new(text)
        .mode(if alphanumeric { Mode::Alphanumeric } else { Mode::Byte })
        .ecl(if level == Level::Q { ECL::Q } else { ECL::M })
        .version(VERSIONS[version - SMALLEST])
        .build()
        .map_err(|_| Refuse::Encoder)?;
    let modules = (0..code.size).flat_map(|y| code[y].iter().map(|module| module.value()));
    let modules: Vec<bool> = modules.collect();
    Ok(Qr { version, level, module_mm: box_mm / side(version) as f64, side_mm: box_mm, modules })
}

impl Qr {
    /// Modules on a side, without the quiet zone.
    pub const fn modules(&self) -> usize {
        17 + 4 * self.version
    }

    /// Whether the module is dark; the quiet zone and all beyond is light.
    pub fn dark(&self, x: usize, y: usize) -> bool {
        let n = self.modules();
        x < n && y < n && self.modules[y * n + x]
    }

    /// One-bit greyscale PNG with `scale` pixels a module, quiet zone included. At most
    /// 57 × 255 pixels on a side.
    pub fn png(&self, scale: u8) -> Vec<u8> {
        let scale = usize::from(scale.max(1));
        let width = side(self.version) * scale;
        let stride = width.div_ceil(8);
        let mut pixels = Vec::with_capacity(stride * width);
        for y in 0..side(self.version) {
            let mut row = vec![0xff_u8; stride];
            for x in 0..self.modules() {
                if y >= QUIET && self.dark(x, y - QUIET) {
                    let from = (x + QUIET) * scale;
                    (from..from + scale).for_each(|bit| row[bit / 8] &= !(0x80 >> (bit % 8)));
                }
            }
            (0..scale).for_each(|_| pixels.extend_from_slice(&row));
        }
        // Writing to memory cannot fail, and the sizes agree by construction.
        write_png(width, &pixels).unwrap_or_default()
    }

    /// SVG with one path in units of modules, quiet zone included; it has no width or height, so
    /// whoever shows it sets the size.
    pub fn svg(&self) -> String {
        use std::fmt::Write as _;
        let (n, full) = (self.modules(), side(self.version));
        let mut path = String::with_capacity(n * n * 4);
        for y in 0..n {
            let mut x = 0;
            while x < n {
                let run = (x..n).take_while(|x| self.dark(*x, y)).count();
                if run > 0 {
                    let _ = write!(path, "M{} {}h{run}v1h-{run}z", x + QUIET, y + QUIET);
                }
                x += run.max(1);
            }
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {full} {full}\"><path d=\"{path}\"/></svg>"
        )
    }
}

fn write_png(width: usize, pixels: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::with_capacity(1024);
    let side = u32::try_from(width).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    encoder.set_compression(png::Compression::Fast);
    // The rows of a module repeat, so the difference to the row above is mostly zero.
    encoder.set_filter(png::Filter::Up);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
