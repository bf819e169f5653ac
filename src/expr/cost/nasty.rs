//! Expressions as somebody would write them who wanted to stall a router: built from a line of numbers, so that a seed tells
//! them all. Shared by a test, which counts steps, and by a bench, which takes the time.

/// What a name stands for in a loop.
#[derive(Clone, Copy)]
enum Member {
    Item,
    Field,
    Label,
    Text,
}

/// Builds a condition on an order. The same numbers give the same one.
pub fn condition(choices: &mut impl Iterator<Item = u8>) -> String {
    Builder { choices, names: Vec::new() }.condition(3)
}

struct Builder<'a, I> {
    choices: &'a mut I,
    names: Vec<(String, Member)>,
}

impl<I: Iterator<Item = u8>> Builder<'_, I> {
    fn pick(&mut self, count: u8) -> u8 {
        self.choices.next().unwrap_or(0) % count
    }

    fn condition(&mut self, depth: u8) -> String {
        match self.pick(if depth == 0 { 4 } else { 11 }) {
            0 => format!("{} == {}", self.text(depth), self.text(depth)),
            1 => format!("{}.contains({})", self.text(depth), self.text(depth)),
            2 => format!("{}.matches('^([a-y]|x+)*z$')", self.text(0)),
            3 => format!("{}.indexOf({}) > 5", self.text(depth), self.text(depth)),
            4 | 5 => self.looped(depth, "exists", |it| it.condition(depth - 1)),
            6 | 7 => self.looped(depth, "all", |it| format!("!({})", it.condition(depth - 1))),
            8 => format!("{}.size() > 3", self.looped(depth, "filter", |it| it.condition(depth - 1))),
            9 => format!("{} in {}", self.text(depth), self.looped(depth, "map", |it| it.text(depth - 1))),
            _ => format!("({}) || ({})", self.condition(depth - 1), self.condition(depth - 1)),
        }
    }

    fn looped(&mut self, depth: u8, name: &str, inside: impl Fn(&mut Self) -> String) -> String {
        let (list, member) = self.list(depth);
        let variable = format!("v{}", self.names.len());
        self.names.push((variable.clone(), member));
        let inside = inside(self);
        self.names.pop();
        format!("{list}.{name}({variable}, {inside})")
    }

    fn list(&mut self, depth: u8) -> (String, Member) {
        let item =
            self.names.iter().rev().find(|(_, member)| matches!(member, Member::Item)).map(|(name, _)| name.clone());
        match (self.pick(7), item) {
            (0 | 1, _) => ("order.items".to_owned(), Member::Item),
            (2, _) => ("order.custom_fields".to_owned(), Member::Field),
            (3, _) => ("order.labels".to_owned(), Member::Label),
            (4, _) => (format!("{}.split('')", self.text(depth.saturating_sub(1))), Member::Text),
            (_, Some(item)) => (format!("{item}.custom_fields"), Member::Field),
            _ => ("['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']".to_owned(), Member::Text),
        }
    }

    fn text(&mut self, depth: u8) -> String {
        match self.pick(if depth == 0 { 4 } else { 12 }) {
            0 | 1 => self.member(),
            2 => "order.number".to_owned(),
            3 => "'x'".to_owned(),
            4 => "order.note".to_owned(),
            5 => format!("{}.lower()", self.text(depth - 1)),
            6 => format!("{}.replace('x', {})", self.text(depth - 1), self.text(depth - 1)),
            7 => format!("{}.split('x').join({})", self.text(depth - 1), self.text(depth - 1)),
            8 => format!("({} + {})", self.text(depth - 1), self.text(depth - 1)),
            9 => format!("{}.join()", self.looped(depth, "map", |it| it.text(depth - 1))),
            10 => format!("lookup(order.custom_fields, {})", self.text(depth - 1)),
            _ => format!("normalize_phone({}, 'CZ')", self.text(depth - 1)),
        }
    }

    fn member(&mut self) -> String {
        let count = u8::try_from(self.names.len()).unwrap_or(u8::MAX);
        if count == 0 {
            return "order.customer.email".to_owned();
        }
        let which = usize::from(self.pick(count));
        let (name, member) = &self.names[which];
        match member {
            Member::Item | Member::Label => format!("{name}.name"),
            Member::Field => format!("{name}.value"),
            Member::Text => name.clone(),
        }
    }
}
