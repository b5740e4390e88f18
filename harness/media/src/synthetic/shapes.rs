//! Shapes and colours whose names everybody knows: what a model that looks at a picture must be able to say.

use crate::synthetic::random::Random;

/// A shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// A disc.
    Circle,
    /// A square with upright sides.
    Square,
    /// A triangle that stands on a side.
    Triangle,
    /// An upright cross.
    Cross,
}

/// A colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // Each is what it is called.
pub enum Colour {
    Red,
    Green,
    Blue,
    Yellow,
    Orange,
    Purple,
    Black,
    White,
}

/// Some shapes of one kind and one colour: an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// How many.
    pub count: usize,
    /// Of which colour.
    pub colour: Colour,
    /// Of which shape.
    pub shape: Shape,
}

impl Shape {
    /// Every shape.
    pub const ALL: [Self; 4] = [Self::Circle, Self::Square, Self::Triangle, Self::Cross];

    /// What a model may call it, the plain name first.
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Self::Circle => &["circle", "round", "ball", "disc", "disk", "dot", "sphere"],
            Self::Square => &["square", "box", "block", "quadrate", "rectangle"],
            Self::Triangle => &["triangle", "triangular"],
            Self::Cross => &["cross", "plus"],
        }
    }

    /// Whether a point belongs to the shape, in a square of the given side; all in pixels.
    pub(crate) fn covers(self, x: i64, y: i64, side: i64) -> bool {
        if x < 0 || y < 0 || x >= side || y >= side {
            return false;
        }
        // Doubled, so that the middle of a pixel and that of the square are whole numbers.
        let (dx, dy) = (2 * x + 1 - side, 2 * y + 1 - side);
        match self {
            Self::Circle => dx * dx + dy * dy <= side * side,
            Self::Square => true,
            Self::Triangle => dx.abs() <= y + 1,
            Self::Cross => 3 * dx.abs() <= side || 3 * dy.abs() <= side,
        }
    }
}

impl Colour {
    /// Every colour.
    pub const ALL: [Self; 8] = [
        Self::Red,
        Self::Green,
        Self::Blue,
        Self::Yellow,
        Self::Orange,
        Self::Purple,
        Self::Black,
        Self::White,
    ];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Green => "green",
            Self::Blue => "blue",
            Self::Yellow => "yellow",
            Self::Orange => "orange",
            Self::Purple => "purple",
            Self::Black => "black",
            Self::White => "white",
        }
    }

    /// Its red, green and blue.
    pub fn rgb(self) -> [u8; 3] {
        match self {
            Self::Red => [220, 20, 30],
            Self::Green => [20, 150, 50],
            Self::Blue => [30, 60, 220],
            Self::Yellow => [250, 220, 20],
            Self::Orange => [250, 130, 10],
            Self::Purple => [130, 30, 160],
            Self::Black => [0, 0, 0],
            Self::White => [255, 255, 255],
        }
    }
}

/// Groups drawn by seed: one to three, of one to four shapes each, of different colours that are not the background's.
pub(crate) fn draw(random: &mut Random, background: Colour) -> Vec<Group> {
    let mut colours: Vec<Colour> = Colour::ALL
        .into_iter()
        .filter(|c| *c != background)
        .collect();
    let mut shapes = Shape::ALL;
    random.shuffle(&mut colours);
    random.shuffle(&mut shapes);
    let groups = 1 + random.below(3);
    (0..groups)
        .map(|i| Group {
            count: 1 + random.below(4),
            colour: colours[i],
            shape: shapes[i],
        })
        .collect()
}
