//! The main table as a picture.

use crate::library::LIBRARIES;
use crate::table::figures::{Figures, Key, Which};
use crate::table::plan::MAIN;
use std::fmt::Write as _;

/// A bar's colour for each workload; told apart also without colours, by their lightness.
const COLOURS: [&str; 5] = ["#1b3a5c", "#2f6690", "#5a9bc4", "#9cc5a1", "#dda448"];

const LEFT: f64 = 170.0;
const WIDTH: f64 = 620.0;
const TOP: f64 = 64.0;
const BAR: f64 = 9.0;
const GROUP: f64 = 5.0 * BAR + 12.0;

/// Nanoseconds at the left edge and at the right one.
const FROM: f64 = 1.0;
const TO: f64 = 100_000.0;

fn x(nanos: f64) -> f64 {
    LEFT + WIDTH * (nanos.clamp(FROM, TO) / FROM).log10() / (TO / FROM).log10()
}

/// Bars on a logarithmic scale, one group a library. Undisturbed samples where there are any.
pub(crate) fn svg(figures: &Figures<'_>) -> Result<String, String> {
    // The empty operation is below the scale.
    let bars_of = |library: &'static str| {
        let bars = MAIN.map(|workload| {
            let key = Key { profile: "fat", library, mode: "burst", workload, also: &[("producers", "1")] };
            let undisturbed = figures.figure(key, "wall", Which::Undisturbed);
            let figure = undisturbed.or_else(|| figures.figure(key, "wall", Which::All))?;
            Some((figure, figures.delivered(key)))
        });
        (library, bars)
    };
    let groups: Vec<_> = LIBRARIES.into_iter().filter(|library| *library != "empty").map(bars_of).collect();
    let groups: Vec<_> = groups.into_iter().filter(|(_, bars)| bars.iter().any(Option::is_some)).collect();
    if groups.is_empty() {
        return Err("the record has no bursts to plot".to_owned());
    }
    let bottom = TOP + groups.len() as f64 * GROUP;
    let (width, height) = (LEFT + WIDTH + 90.0, bottom + 44.0);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>Caller's time for a repetition of each workload, by library, logarithmic scale</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    legend(&mut text);
    grid(&mut text, bottom);
    for (place, (library, bars)) in groups.iter().enumerate() {
        let y = TOP + place as f64 * GROUP + 6.0;
        let weight = if library.starts_with("nanospan") { " font-weight=\"bold\"" } else { "" };
        let _ = writeln!(
            text,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\"{weight}>{library}</text>",
            LEFT - 8.0,
            y + GROUP / 2.0
        );
        for (row, bar) in bars.iter().enumerate() {
            let Some((figure, delivered)) = bar else { continue };
            let y = y + row as f64 * BAR;
            let end = x(figure.median);
            let lossy = delivered.is_some_and(|delivered| delivered < 100.0);
            // A hollow bar is that of a library that lost some.
            let (fill, opacity) = (COLOURS[row], if lossy { 0.3 } else { 1.0 });
            let _ = writeln!(
                text,
                "<rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{}\" fill=\"{fill}\" \
                 fill-opacity=\"{opacity}\" stroke=\"{fill}\"/>",
                end - LEFT,
                BAR - 1.5
            );
            let loss = delivered
                .filter(|_| lossy)
                .map_or(String::new(), |it| format!(" ({} % delivered)", it.floor()));
            let _ = writeln!(
                text,
                "<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"8.5\">{:.0}{loss}</text>",
                end + 4.0,
                y + BAR - 2.0,
                figure.median
            );
        }
    }
    let _ = writeln!(
        text,
        "<text x=\"{LEFT}\" y=\"{:.1}\">ns a repetition on the caller's thread (W3: nine spans), \
         logarithmic; pale: spans were lost</text>\n</svg>",
        bottom + 36.0
    );
    Ok(text)
}

fn legend(text: &mut String) {
    const MEANINGS: [&str; 5] =
        ["W0 bare", "W1 3 attributes", "W1d copied text", "W2 event, status", "W3 tree of nine"];
    for (place, (meaning, colour)) in MEANINGS.into_iter().zip(COLOURS).enumerate() {
        let x = LEFT + place as f64 * 126.0;
        let _ = writeln!(
            text,
            "<rect x=\"{x}\" y=\"16\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"26\">{meaning}</text>",
            x + 17.0
        );
    }
}

fn grid(text: &mut String, bottom: f64) {
    let mut nanos = FROM;
    while nanos <= TO {
        let x = x(nanos);
        let _ = writeln!(
            text,
            "<line x1=\"{x:.1}\" y1=\"{}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#ccc\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">{nanos} ns</text>",
            TOP - 4.0,
            bottom + 16.0
        );
        nanos *= 10.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Row;

    #[test]
    fn a_library_that_lost_spans_is_drawn_pale_with_its_share() {
        let row = "row profile=fat library=otel-bsp mode=burst workload=W1 producers=1 delivered=99.96 wall=400.0:300";
        let rows = [Row::parse(row).expect("it is a row")];
        let svg = svg(&Figures::new(&rows)).expect("there is a burst");
        assert!(svg.contains("fill-opacity=\"0.3\"") && svg.contains("400 (99 % delivered)"), "{svg}");
    }

    #[test]
    fn ten_times_the_time_is_the_same_step_everywhere() {
        assert!((x(100.0) - x(10.0) - (x(10_000.0) - x(1_000.0))).abs() < 1e-9);
        assert_eq!(x(FROM), LEFT);
    }
}
