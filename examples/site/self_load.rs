//! The self-load: the site asks itself, with tracing and without, and proves that the files have it all.

use crate::args::Args;
use crate::check::compare;
use crate::client::{self, Load, Round};
use crate::files::{self, Files};
use crate::server::Server;
use crate::{SHUTDOWN, log, open_tracer, report, runtime};
use nanospan::Tracer;
use nanospan::export::segment::segments_in;
use std::error::Error;
use std::process::ExitCode;

/// Runs the self-load of `requests` requests and prints what came of it; fails if the files differ
/// from the client's log.
pub(crate) fn run(args: &Args, requests: usize) -> Result<ExitCode, Box<dyn Error>> {
    let tracer = open_tracer(&args.spool)?;
    let before = segments_in(&args.spool)?;
    let (traced, untraced) = rounds(args, requests, tracer)?;
    // The spans of every request have ended: the servers are gone.
    tracer.shutdown(SHUTDOWN)?;

    println!("{requests} requests with tracing and {requests} without, in turn, {} clients", args.clients);
    report::print_speed(&traced, &untraced);
    println!("\nThe tracer's account");
    report::print_account(&tracer.stats());

    println!("\nThe files against the client's log");
    let entries: Vec<_> = traced.into_iter().flat_map(|round| round.entries).collect();
    log::write(&args.log, &entries)?;
    let entries = log::read(&args.log)?;
    let segments = files::open_new(&args.spool, &before)?;
    let verdict = compare(&entries, &segments);
    report::print_verdict(&verdict, entries.len());
    println!();
    report::print_slowest(&Files::read(&segments, &mut Vec::new()), &entries);

    let spool = args.spool.display();
    println!("\nThe segment files are in {spool}, the client's log is {}.", args.log.display());
    println!("To look at all traces: nanospan tree {spool}");
    Ok(if verdict.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Two rounds with tracing and two without, in an order in which a machine that gets slower or faster
/// favours neither; the first few requests are for warming up and count for nothing.
fn rounds(args: &Args, requests: usize, tracer: Tracer) -> Result<(Vec<Round>, Vec<Round>), Box<dyn Error>> {
    let runtime = runtime()?;
    let traced_site = runtime.block_on(Server::start(args.port.unwrap_or(0), tracer))?;
    let untraced_site = runtime.block_on(Server::start(0, Tracer::noop()))?;
    let round = |site: &Server, number: u64, requests: usize| {
        let seed = args.seed.wrapping_mul(3).wrapping_add(number);
        let round = client::drive(site.address(), Load { requests, clients: args.clients, seed });
        round.map_err(|error| format!("the client failed: {error}"))
    };
    round(&untraced_site, 0, requests / 10)?;
    let (half, rest) = (requests / 2, requests - requests / 2);
    let mut traced = vec![round(&traced_site, 1, half)?];
    let mut untraced = vec![round(&untraced_site, 1, half)?, round(&untraced_site, 2, rest)?];
    traced.push(round(&traced_site, 2, rest)?);
    untraced.retain(|round| !round.entries.is_empty());
    traced.retain(|round| !round.entries.is_empty());
    runtime.block_on(traced_site.stop());
    runtime.block_on(untraced_site.stop());
    Ok((traced, untraced))
}
