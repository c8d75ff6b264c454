# PowerShell completion for oras
#
# Loaded by:  oras completion powershell | Out-String | Invoke-Expression

Register-ArgumentCompleter -Native -CommandName 'oras' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $words = @($commandAst.CommandElements |
        Where-Object { $_.Extent.StartOffset -lt $cursorPosition } |
        ForEach-Object { $_.ToString() })
    $arguments = @($words | Select-Object -Skip 1)
    if ($wordToComplete -eq '') {
        # Older versions drop arguments that are empty.
        $empty = if ($PSVersionTable.PSVersion -lt [version]'7.3.0') { '""' } else { '' }
        $arguments += $empty
    }

    $lines = @(& $words[0] __complete @arguments 2>$null)
    if ($lines.Count -eq 0) { return }
    $directive = [int]($lines[-1].TrimStart(':'))
    # 1: an error. 4: no files; where files are welcome, PowerShell completes them by itself.
    if ($directive -band 1) { return }
    $candidates = @($lines | Select-Object -SkipLast 1 | Where-Object { $_ -like "$wordToComplete*" })
    if ($candidates.Count -eq 0 -and ($directive -band 4)) { return '' }

    $candidates | ForEach-Object {
        $name, $told = $_ -split "`t", 2
        if (-not $told) { $told = $name }
        [System.Management.Automation.CompletionResult]::new($name, $name, 'ParameterValue', $told)
    }
}
