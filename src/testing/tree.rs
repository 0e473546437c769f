//! Spans as a tree of names, and its text form.

use crate::export::FinishedSpan;
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

/// Spans by name, each below its parent.
///
/// The text form is `root > [a > b, c]`: a name, then behind `>` what is below it, in brackets if
/// it is more than one thing. Several roots stand behind one another with commas. A name that holds
/// one of `> , [ ] "` stands in double quotes, in which a backslash keeps the next character as it
/// is.
///
/// The order of siblings says nothing: spans of different threads have none. Two trees are equal if
/// the same names stand below the same names, each as many times.
///
/// ```
/// use nanospan::testing::TraceTree;
///
/// let one: TraceTree = "root > [a > b, c]".parse()?;
/// let other: TraceTree = "root > [c, a > [b]]".parse()?;
/// assert_eq!(one, other);
/// assert_eq!(one.to_string(), "root\n  a\n    b\n  c\n");
/// # Ok::<(), nanospan::testing::ParseTreeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TraceTree {
    roots: Vec<TreeNode>,
}

/// A span in a [`TraceTree`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TreeNode {
    name: String,
    children: Vec<TreeNode>,
}

impl TraceTree {
    /// The tree of these spans. A span whose parent is not among them is a root.
    #[must_use]
    pub fn of(spans: &[FinishedSpan]) -> Self {
        let places: HashMap<_, _> =
            spans.iter().enumerate().map(|(at, span)| ((span.trace_id, span.span_id), at)).collect();
        let parent_of = |span: &FinishedSpan| {
            span.parent_span_id.and_then(|id| places.get(&(span.trace_id, id)).copied())
        };
        let mut below = vec![Vec::new(); spans.len()];
        let mut tops = Vec::new();
        for (at, span) in spans.iter().enumerate() {
            match parent_of(span) {
                Some(parent) => below[parent].push(at),
                None => tops.push(at),
            }
        }
        let mut taken = vec![false; spans.len()];
        let mut roots: Vec<_> =
            tops.iter().map(|&top| TreeNode::take(top, spans, &below, &mut taken)).collect();
        // What no root leads to are spans that are below each other: damage, but it is to be seen.
        for at in 0..spans.len() {
            if !taken[at] {
                roots.push(TreeNode::take(at, spans, &below, &mut taken));
            }
        }
        Self::sorted(roots)
    }

    /// The spans without a parent, sorted.
    #[must_use]
    pub fn roots(&self) -> &[TreeNode] {
        &self.roots
    }

    fn sorted(mut roots: Vec<TreeNode>) -> Self {
        roots.sort();
        Self { roots }
    }
}

impl TreeNode {
    /// The span's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The spans below it, sorted.
    #[must_use]
    pub fn children(&self) -> &[TreeNode] {
        &self.children
    }

    fn take(at: usize, spans: &[FinishedSpan], below: &[Vec<usize>], taken: &mut [bool]) -> Self {
        taken[at] = true;
        let mut children = Vec::new();
        for &child in &below[at] {
            if !taken[child] {
                children.push(Self::take(child, spans, below, taken));
            }
        }
        children.sort();
        Self { name: spans[at].name.clone(), children }
    }

    fn write(&self, depth: usize, lines: &mut Vec<String>) {
        lines.push(format!("{:1$}{name}", "", 2 * depth, name = self.name));
        for child in &self.children {
            child.write(depth + 1, lines);
        }
    }
}

/// One span a line, each level set in by two more blanks.
impl fmt::Display for TraceTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        lines_of(self).iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

fn lines_of(tree: &TraceTree) -> Vec<String> {
    let mut lines = Vec::new();
    for root in &tree.roots {
        root.write(0, &mut lines);
    }
    lines
}

/// Compares spans with the tree that `expected` describes; see [`TraceTree`] for how.
///
/// # Panics
///
/// If they differ. The message has both trees in one: lines with `-` are missing, lines with `+`
/// should not be there. Also if `expected` is not a tree.
#[track_caller]
pub fn assert_tree(spans: &[FinishedSpan], expected: &str) {
    let expected: TraceTree = match expected.parse() {
        Ok(tree) => tree,
        Err(error) => panic!("the expected tree {expected:?}: {error}"),
    };
    let actual = TraceTree::of(spans);
    if actual != expected {
        let difference = difference(&lines_of(&expected), &lines_of(&actual));
        panic!("the spans differ from the expected tree (- missing, + not expected):\n{difference}");
    }
}

/// Both lists of lines in one, by their longest common subsequence.
fn difference(expected: &[String], actual: &[String]) -> String {
    // longest[i][j]: the length of the longest common subsequence of what is left from i and j on.
    let mut longest = vec![vec![0usize; actual.len() + 1]; expected.len() + 1];
    for i in (0..expected.len()).rev() {
        for j in (0..actual.len()).rev() {
            longest[i][j] = if expected[i] == actual[j] {
                longest[i + 1][j + 1] + 1
            } else {
                longest[i + 1][j].max(longest[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut text = String::new();
    while i < expected.len() || j < actual.len() {
        let (mark, line) = if i < expected.len() && j < actual.len() && expected[i] == actual[j] {
            (i, j) = (i + 1, j + 1);
            (' ', &expected[i - 1])
        } else if j == actual.len() || (i < expected.len() && longest[i + 1][j] >= longest[i][j + 1]) {
            i += 1;
            ('-', &expected[i - 1])
        } else {
            j += 1;
            ('+', &actual[j - 1])
        };
        text.push_str(&format!("{mark} {line}\n"));
    }
    text
}

/// Why a text is not a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseTreeError {
    what: &'static str,
    at: usize,
}

impl fmt::Display for ParseTreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

impl std::error::Error for ParseTreeError {}

/// The text of no spans is empty.
impl FromStr for TraceTree {
    type Err = ParseTreeError;

    fn from_str(text: &str) -> Result<Self, ParseTreeError> {
        let mut parser = Parser { text, at: 0 };
        if parser.peek().is_none() {
            return Ok(Self::default());
        }
        let roots = parser.nodes()?;
        match parser.peek() {
            None => Ok(Self::sorted(roots)),
            Some(_) => Err(parser.error("a name, `>`, `,` or the end was expected")),
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

const SPECIAL: [char; 5] = ['>', ',', '[', ']', '"'];

impl Parser<'_> {
    /// The next character that is not a blank.
    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.text[self.at..].chars().next()
    }

    /// Takes `wanted` if it comes next.
    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    fn error(&self, what: &'static str) -> ParseTreeError {
        ParseTreeError { what, at: self.at }
    }

    fn nodes(&mut self) -> Result<Vec<TreeNode>, ParseTreeError> {
        let mut nodes = vec![self.node()?];
        while self.take(',') {
            nodes.push(self.node()?);
        }
        Ok(nodes)
    }

    fn node(&mut self) -> Result<TreeNode, ParseTreeError> {
        let name = self.name()?;
        let mut children = Vec::new();
        if self.take('>') {
            if self.take('[') {
                children = self.nodes()?;
                if !self.take(']') {
                    return Err(self.error("`]` was expected"));
                }
            } else {
                children.push(self.node()?);
            }
        }
        children.sort();
        Ok(TreeNode { name, children })
    }

    fn name(&mut self) -> Result<String, ParseTreeError> {
        if self.take('"') {
            return self.quoted();
        }
        let rest = &self.text[self.at..];
        let name = rest[..rest.find(SPECIAL).unwrap_or(rest.len())].trim_end();
        if name.is_empty() {
            return Err(self.error("a name was expected"));
        }
        self.at += name.len();
        Ok(name.to_owned())
    }

    fn quoted(&mut self) -> Result<String, ParseTreeError> {
        let mut name = String::new();
        let mut rest = self.text[self.at..].chars();
        loop {
            let next = match rest.next() {
                Some('"') => {
                    self.at = self.text.len() - rest.as_str().len();
                    return Ok(name);
                }
                Some('\\') => rest.next(),
                next => next,
            };
            match next {
                Some(character) => name.push(character),
                None => return Err(self.error("a quoted name does not end, which begins")),
            }
        }
    }
}
