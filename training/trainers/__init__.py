"""What trains each method."""
