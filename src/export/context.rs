//! How long an export may take, and how it is called off.

use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// The deadline and the cancellation of one operation, handed down every call that may wait.
///
/// Whoever is handed a context honours it: it calls [`check`](Context::check) before each step
/// that cannot be interrupted, sleeps only through [`wait`](Context::wait), and gives
/// [`remaining`](Context::remaining) as the time-out of whatever it waits for otherwise.
///
/// A clone is the same context: cancelling either cancels both. A [child](Context::child) ends no
/// later than its parent and is cancelled with it, while cancelling the child leaves the parent
/// alone.
///
/// ```
/// use std::time::Duration;
/// use nanospan::export::{Context, ContextError};
///
/// let context = Context::with_timeout(Duration::from_secs(30));
/// assert_eq!(context.check(), Ok(()));
///
/// let cancellation = context.cancellation();
/// std::thread::spawn(move || cancellation.cancel());
/// assert_eq!(context.wait(Duration::from_secs(30)), Err(ContextError::Cancelled));
/// ```
#[derive(Clone)]
pub struct Context {
    deadline: Option<Instant>,
    node: Arc<Node>,
}

impl Context {
    /// A context without a deadline that nothing has cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::from_deadline(None)
    }

    /// A context that ends at `deadline`, which may have passed already.
    #[must_use]
    pub fn with_deadline(deadline: Instant) -> Self {
        Self::from_deadline(Some(deadline))
    }

    /// A context that ends `timeout` from now.
    ///
    /// A zero `timeout` has already run out; one too long for the clock to represent is no
    /// deadline at all.
    #[must_use]
    pub fn with_timeout(timeout: Duration) -> Self {
        Self::from_deadline(Instant::now().checked_add(timeout))
    }

    /// A context with this one's deadline that is cancelled with it, or by itself alone.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { deadline: self.deadline, node: Node::child(&self.node) }
    }

    /// A child that ends at `deadline` or with its parent, whichever is the earlier.
    #[must_use]
    pub fn child_with_deadline(&self, deadline: Instant) -> Self {
        let mut child = self.child();
        child.deadline = Some(self.deadline.map_or(deadline, |own| own.min(deadline)));
        child
    }

    /// A child that ends `timeout` from now or with its parent, whichever is the earlier.
    ///
    /// The limits of `timeout` are those of [`with_timeout`](Context::with_timeout).
    #[must_use]
    pub fn child_with_timeout(&self, timeout: Duration) -> Self {
        match Instant::now().checked_add(timeout) {
            Some(deadline) => self.child_with_deadline(deadline),
            None => self.child(),
        }
    }

    /// A handle with which any thread can cancel this context and its children.
    #[must_use]
    pub fn cancellation(&self) -> Cancellation {
        Cancellation { node: Arc::clone(&self.node) }
    }

    /// The moment at which the context ends by itself, if there is one.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The time left until the deadline, zero once it has passed; `None` without a deadline.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Whether the context, or one that it descends from, was cancelled.
    ///
    /// This says nothing about the deadline; [`check`](Context::check) looks at both.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.node.is_cancelled()
    }

    /// Whether work may go on.
    ///
    /// # Errors
    ///
    /// [`ContextError::Cancelled`] once the context is cancelled, also if its deadline has passed
    /// as well; [`ContextError::DeadlineExceeded`] once only the deadline has passed.
    pub fn check(&self) -> Result<(), ContextError> {
        if self.is_cancelled() {
            return Err(ContextError::Cancelled);
        }
        match self.remaining() {
            Some(Duration::ZERO) => Err(ContextError::DeadlineExceeded),
            _ => Ok(()),
        }
    }

    /// Sleeps for `duration`, and wakes at once if the context ends first.
    ///
    /// # Errors
    ///
    /// What [`check`](Context::check) returns, as soon as it would. Without an error the whole
    /// `duration` has passed.
    pub fn wait(&self, duration: Duration) -> Result<(), ContextError> {
        let wake_at = Instant::now().checked_add(duration);
        let mut children = self.node.lock();
        loop {
            self.check()?;
            let now = Instant::now();
            let left = wake_at.map(|wake_at| wake_at.saturating_duration_since(now));
            if left == Some(Duration::ZERO) {
                return Ok(());
            }
            let sleep = match (left, self.remaining()) {
                (Some(left), Some(remaining)) => Some(left.min(remaining)),
                (left, remaining) => left.or(remaining),
            };
            // The flag is set while this lock is held, so a cancellation falls either before the
            // check above or into the sleep that it then ends.
            children = match sleep {
                Some(sleep) => {
                    let woken = self.node.woken.wait_timeout(children, sleep);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let woken = self.node.woken.wait(children);
                    woken.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
    }

    fn from_deadline(deadline: Option<Instant>) -> Self {
        Self { deadline, node: Arc::new(Node::new(None, false)) }
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("remaining", &self.remaining())
            .field("cancelled", &self.is_cancelled())
            .finish()
    }
}

/// Cancels the [`Context`] that it was taken from, from any thread.
///
/// Dropping a handle cancels nothing.
#[derive(Clone)]
pub struct Cancellation {
    node: Arc<Node>,
}

impl Cancellation {
    /// Cancels the context and every child of it; waits that are under way return at once.
    ///
    /// Doing so again has no effect.
    pub fn cancel(&self) {
        Node::cancel(&self.node);
    }

    /// Whether the context was cancelled, through this handle or otherwise.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.node.is_cancelled()
    }
}

impl fmt::Debug for Cancellation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancellation").field("cancelled", &self.is_cancelled()).finish()
    }
}

/// Why a [`Context`] lets no more work be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContextError {
    /// The deadline has passed.
    DeadlineExceeded,
    /// The context, or one that it descends from, was cancelled.
    Cancelled,
}

impl fmt::Display for ContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ContextError::DeadlineExceeded => "the deadline has passed",
            ContextError::Cancelled => "the operation was cancelled",
        })
    }
}

impl Error for ContextError {}

/// One context's cancellation, and its place in the tree of contexts.
///
/// A parent points weakly at its children, so it does not keep them once nobody holds them; a
/// child keeps its parent, for it is through the parent that its ancestors reach it. No two nodes
/// are ever locked at once.
struct Node {
    parent: Option<Arc<Node>>,
    /// Set once, while `children` is locked.
    cancelled: AtomicBool,
    /// The contexts to cancel with this one; some of them may be gone.
    children: Mutex<Vec<Weak<Node>>>,
    /// Signalled when `cancelled` is set.
    woken: Condvar,
}

impl Node {
    fn new(parent: Option<Arc<Node>>, cancelled: bool) -> Self {
        Self {
            parent,
            cancelled: AtomicBool::new(cancelled),
            children: Mutex::new(Vec::new()),
            woken: Condvar::new(),
        }
    }

    /// Every critical section leaves the list whole, so a poisoned lock is as good as any other.
    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Node>>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_cancelled(&self) -> bool {
        // Acquire: pairs with the Release store in `cancel`, so what the cancelling thread did
        // before it is visible to the one that gives up.
        self.cancelled.load(Ordering::Acquire)
    }

    fn child(parent: &Arc<Self>) -> Arc<Self> {
        let mut children = parent.lock();
        // Under the lock, this is either seen here or `cancel` will find the child in the list.
        let child = Arc::new(Node::new(Some(Arc::clone(parent)), parent.is_cancelled()));
        if !child.is_cancelled() {
            // Sweeping only when the list would grow keeps it within twice the children alive,
            // at a constant cost each.
            if children.len() == children.capacity() {
                children.retain(|child| child.strong_count() > 0);
                let alive = children.len();
                children.reserve(alive.max(4));
            }
            children.push(Arc::downgrade(&child));
        }
        child
    }

    fn cancel(root: &Arc<Node>) {
        // A stack of our own: a chain of contexts may be longer than the thread's stack allows.
        let mut pending = vec![Arc::clone(root)];
        while let Some(node) = pending.pop() {
            let mut children = node.lock();
            // Release: pairs with the Acquire load in `is_cancelled`.
            node.cancelled.store(true, Ordering::Release);
            node.woken.notify_all();
            pending.extend(children.drain(..).filter_map(|child| child.upgrade()));
        }
    }
}

impl Drop for Node {
    /// Lets go of the ancestors one after another, where the default would recurse into them.
    fn drop(&mut self) {
        let mut ancestor = self.parent.take();
        while let Some(parent) = ancestor {
            ancestor = Arc::into_inner(parent).and_then(|mut last| last.parent.take());
        }
    }
}
