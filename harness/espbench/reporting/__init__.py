"""What a run leaves: results, evidence, charts and pages."""
