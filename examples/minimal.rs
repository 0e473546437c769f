//! A first trace, in segment files below `target/first-trace`.
//!
//! ```text
//! cargo run --example minimal
//! cargo run -p nanospan-cli -- tree target/first-trace
//! ```

use nanospan::Tracer;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tracer = Tracer::builder("shop").segments("target/first-trace").build()?;
    let _guard = tracer.guard(); // exports what is left when `main` returns
    let request = tracer.span("GET /cart").start();
    request.child("SELECT items").start().set_attribute("db.rows", 17_i64);
    Ok(())
}
