"""What one types."""
