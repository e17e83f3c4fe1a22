"""Sealing (封存): who may ask for it, what a sealed record refuses, and the orders of unsealing."""
