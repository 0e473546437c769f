//! The self-load: the site asks itself, with tracing and without, and proves that the files have it
//! all, if it is into files that the spans go.

use crate::args::Args;
use crate::check::compare;
use crate::client::{self, Load, Round};
use crate::destination::Destination;
use crate::files::{self, Files};
use crate::server::Server;
use crate::{SHUTDOWN, log, report, runtime};
use nanospan::Tracer;
use nanospan::export::segment::segments_in;
use nanospan::propagation::Propagators;
use std::error::Error;
use std::io::{Write, stdout};
use std::process::ExitCode;

/// Runs the self-load of `requests` requests and prints what came of it. Where the spans go into segment
/// files it compares these with the client's log, and fails if they differ.
pub(crate) fn run(
    args: &Args,
    destination: &Destination,
    requests: usize,
) -> Result<ExitCode, Box<dyn Error>> {
    // Before all the work: whether the log can be written.
    log::write(&args.log, &[])?;
    let tracer = destination.open()?;
    let before = match destination {
        Destination::Segments(spool) => segments_in(spool)?,
        Destination::Environment => Vec::new(),
    };
    let (traced, untraced) = rounds(args, requests, tracer)?;
    // Every span has ended: the sites are gone.
    tracer.shutdown(SHUTDOWN)?;

    let mut out = stdout().lock();
    writeln!(out, "{requests} requests with tracing and as many without, over {} connections", args.clients)?;
    report::speed(&mut out, &traced, &untraced)?;
    writeln!(out, "\nThe tracer's account of spans")?;
    report::account(&mut out, &tracer.stats())?;

    let entries: Vec<_> = traced.into_iter().flat_map(|round| round.entries).collect();
    log::write(&args.log, &entries)?;
    let log = args.log.display();
    let Destination::Segments(spool) = destination else {
        writeln!(
            out,
            "\nThe spans and the account went where the environment says; the client's log is {log}."
        )?;
        return Ok(ExitCode::SUCCESS);
    };
    let entries = log::read(&args.log)?;
    let segments = files::open_new(spool, &before)?;
    let files = Files::read(&segments);
    let verdict = compare(&entries, &files);
    writeln!(out, "\nThe segment files against the client's own log, request by request")?;
    report::verdict(&mut out, &verdict)?;
    writeln!(out)?;
    report::slowest(&mut out, &files)?;

    writeln!(out, "\nThe segment files are in {}, the client's log is {log}.", spool.display())?;
    report::way_to_traces(&mut out, spool)?;
    Ok(if verdict.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// In how many rounds the requests are sent. They take turns, so that whatever else the machine does
/// meanwhile meets both sorts.
const ROUNDS: usize = 10;

/// Rounds with tracing and rounds without, of the same requests.
fn rounds(args: &Args, requests: usize, tracer: Tracer) -> Result<(Vec<Round>, Vec<Round>), Box<dyn Error>> {
    let runtime = runtime()?;
    let propagators = Propagators::from_env();
    let traced_site = runtime.block_on(Server::start(args.port.unwrap_or(0), tracer, propagators.clone()))?;
    let untraced_site = runtime.block_on(Server::start(0, Tracer::noop(), propagators))?;
    let drive = |site: &Server, number: usize, requests: usize| {
        let seed = args.seed.wrapping_mul(1_000).wrapping_add(number as u64);
        let round = client::drive(site.address(), Load { requests, clients: args.clients, seed });
        round.map_err(|error| format!("the client failed: {error}"))
    };

    // For warming up; it counts for nothing.
    drive(&untraced_site, ROUNDS, requests / ROUNDS)?;
    let (mut traced, mut untraced) = (Vec::new(), Vec::new());
    for number in 0..ROUNDS.min(requests) {
        let share = requests / ROUNDS + usize::from(number < requests % ROUNDS);
        // Each sort goes first in turn, which favours neither when the machine slows down.
        if number % 2 == 0 {
            traced.push(drive(&traced_site, number, share)?);
            untraced.push(drive(&untraced_site, number, share)?);
        } else {
            untraced.push(drive(&untraced_site, number, share)?);
            traced.push(drive(&traced_site, number, share)?);
        }
    }
    runtime.block_on(traced_site.stop());
    runtime.block_on(untraced_site.stop());
    Ok((traced, untraced))
}
