"""The work itself: claim, observe, plan, intend, apply, settle."""
