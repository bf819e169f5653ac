//! The one way out: requests as values become traffic here and nowhere else.
