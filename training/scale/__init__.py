"""How cohorts scale: workers, memory, the scheduler alone, and what is lost when something dies."""
