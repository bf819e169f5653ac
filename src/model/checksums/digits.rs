//! Arithmetic on digits.

use std::ops::Range;

/// Decimal digits, at least one.
#[derive(Clone, Debug)]
pub(super) struct Digits(Vec<u32>);

impl Digits {
    /// `None` when the text holds anything else, or nothing.
    pub(super) fn of(text: &str) -> Option<Self> {
        let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(10)).collect();
        digits.filter(|digits| !digits.is_empty()).map(Self)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn first(&self, count: usize) -> Self {
        Self(self.0.iter().take(count).copied().collect())
    }

    pub(super) fn last(&self) -> u32 {
        self.0.last().copied().unwrap_or(0)
    }

    /// Some of the digits as a number; 0 where there are none.
    pub(super) fn number(&self, range: Range<usize>) -> u32 {
        self.0.get(range).unwrap_or(&[]).iter().fold(0, |number, digit| number * 10 + digit)
    }

    /// The remainder of the whole number.
    pub(super) fn modulo(&self, by: u32) -> u32 {
        self.0.iter().fold(0, |rest, digit| (rest * 10 + digit) % by)
    }

    /// ISO 7064, MOD 11,10: the last digit checks the others.
    pub(super) fn fits_mod_11_10(&self) -> bool {
        let before = self.first(self.len() - 1);
        let product = before.0.iter().fold(10, |product, digit| match (product + digit) % 10 {
            0 => 10 * 2 % 11,
            sum => sum * 2 % 11,
        });
        (product + self.last()) % 10 == 1
    }

    /// Every second digit doubled and its digits added, from the second one on.
    pub(super) fn sum_with_doubles(&self) -> u32 {
        let doubled =
            |(index, digit): (usize, &u32)| if index % 2 == 0 { *digit } else { digit * 2 / 10 + digit * 2 % 10 };
        self.0.iter().enumerate().map(doubled).sum()
    }
}

/// The sum of the products of digits and weights.
pub(super) fn weighted(digits: &Digits, weights: &[u32]) -> u32 {
    digits.0.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}
