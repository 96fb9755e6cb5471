<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de_DE" sourcelanguage="en">
<context>
    <name>Again</name>
    <message>
        <source>You are changing the last question.</source>
        <translation>Du änderst die letzte Frage.</translation>
    </message>
    <message>
        <source>The answer comes in a branch. This conversation stays as it is.</source>
        <translation>Die Antwort kommt in einem Zweig. Dieses Gespräch bleibt, wie es ist.</translation>
    </message>
    <message>
        <source>This is a branch.</source>
        <translation>Das ist ein Zweig.</translation>
    </message>
    <message>
        <source>The conversation that it comes from is in the history.</source>
        <translation>Das Gespräch, aus dem er kommt, steht im Verlauf.</translation>
    </message>
    <message>
        <source>There is no answered question here to go back to.</source>
        <translation>Hier gibt es keine beantwortete Frage, zu der man zurückkönnte.</translation>
    </message>
</context>
<context>
    <name>CardView</name>
    <message>
        <source>What went wrong</source>
        <translation>Was schiefging</translation>
    </message>
    <message>
        <source>Working…</source>
        <translation>In Arbeit …</translation>
    </message>
    <message>
        <source>Why this card is here</source>
        <translation>Warum diese Karte da ist</translation>
    </message>
    <message>
        <source>More about this card</source>
        <translation>Mehr zu dieser Karte</translation>
    </message>
    <message>
        <source>Do not allow, and close</source>
        <translation>Nicht erlauben und schließen</translation>
    </message>
    <message>
        <source>Dismiss</source>
        <translation>Verwerfen</translation>
    </message>
    <message>
        <source>Needs your answer</source>
        <translation>Braucht deine Antwort</translation>
    </message>
    <message>
        <source>Reminder</source>
        <translation>Erinnerung</translation>
    </message>
    <message>
        <source>Suggestion</source>
        <translation>Vorschlag</translation>
    </message>
    <message>
        <source>Notice</source>
        <translation>Hinweis</translation>
    </message>
    <message>
        <source>Exactly what will happen</source>
        <translation>Was genau geschieht</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>Einzelheiten</translation>
    </message>
    <message>
        <source>{0} asks for it. It comes from {1}.</source>
        <translation>{0} bittet darum. Herkunft: {1}.</translation>
    </message>
    <message>
        <source>Why?</source>
        <translation>Warum?</translation>
    </message>
    <message>
        <source>Why is this card here?</source>
        <translation>Warum ist diese Karte da?</translation>
    </message>
    <message>
        <source>Until {0}</source>
        <translation>Bis {0}</translation>
    </message>
    <message>
        <source>Never for this</source>
        <translation>Dafür nie</translation>
    </message>
    <message>
        <source>Show in the inbox</source>
        <translation>Im Eingang zeigen</translation>
    </message>
    <message>
        <source>Hide</source>
        <translation>Ausblenden</translation>
    </message>
    <message>
        <source>Looking…</source>
        <translation>Wird gesucht …</translation>
    </message>
    <message>
        <source>Approval</source>
        <translation>Freigabe</translation>
    </message>
</context>
<context>
    <name>Cards</name>
    <message>
        <source>Loom cards</source>
        <translation>Loom-Karten</translation>
    </message>
    <message>
        <source>Cards of Loom</source>
        <translation>Karten von Loom</translation>
    </message>
    <message numerus="yes">
        <source>%n more in the inbox</source>
        <translation>
            <numerusform>%n weitere im Eingang</numerusform>
            <numerusform>%n weitere im Eingang</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Commands</name>
    <message>
        <source>New conversation</source>
        <translation>Neues Gespräch</translation>
    </message>
    <message>
        <source>History</source>
        <translation>Verlauf</translation>
    </message>
    <message>
        <source>Summarise what I copied</source>
        <translation>Kopiertes zusammenfassen</translation>
    </message>
    <message>
        <source>Attach files…</source>
        <translation>Dateien anhängen …</translation>
    </message>
    <message>
        <source>Change the last question</source>
        <translation>Letzte Frage ändern</translation>
    </message>
    <message>
        <source>Ask the last question again</source>
        <translation>Letzte Frage noch einmal stellen</translation>
    </message>
    <message>
        <source>Branch this conversation</source>
        <translation>Von diesem Gespräch abzweigen</translation>
    </message>
    <message>
        <source>Remind me </source>
        <translation>Erinnere mich </translation>
    </message>
    <message>
        <source>Remind me…</source>
        <translation>Erinnere mich …</translation>
    </message>
    <message>
        <source>reminder</source>
        <translation>Erinnerung</translation>
    </message>
    <message>
        <source>Note: </source>
        <translation>Notiz: </translation>
    </message>
    <message>
        <source>Take a note…</source>
        <translation>Notiz machen …</translation>
    </message>
    <message>
        <source>note</source>
        <translation>Notiz</translation>
    </message>
    <message>
        <source>Calculate </source>
        <translation>Berechne </translation>
    </message>
    <message>
        <source>Calculate…</source>
        <translation>Rechnen …</translation>
    </message>
    <message>
        <source>numbers</source>
        <translation>Zahlen</translation>
    </message>
    <message>
        <source>Convert </source>
        <translation>Wie viel sind </translation>
    </message>
    <message>
        <source>Convert units…</source>
        <translation>Einheiten umrechnen …</translation>
    </message>
    <message>
        <source>Reminders</source>
        <translation>Erinnerungen</translation>
    </message>
    <message>
        <source>Answer the card</source>
        <translation>Karte beantworten</translation>
    </message>
    <message>
        <source>Inbox</source>
        <translation>Eingang</translation>
    </message>
    <message>
        <source>Undo the last file change</source>
        <translation>Letzte Dateiänderung zurücknehmen</translation>
    </message>
    <message>
        <source>Pause capture for 10 minutes</source>
        <translation>10 Minuten nicht hinsehen</translation>
    </message>
    <message>
        <source>Resume capture</source>
        <translation>Wieder hinsehen</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <source>Quit Loom</source>
        <translation>Loom beenden</translation>
    </message>
    <message>
        <source>Without a title</source>
        <translation>Ohne Titel</translation>
    </message>
</context>
<context>
    <name>Dots</name>
    <message>
        <source>Screen {0} of {1}</source>
        <translation>Schritt {0} von {1}</translation>
    </message>
</context>
<context>
    <name>Endpoint</name>
    <message>
        <source>Add an endpoint</source>
        <translation>Endpunkt hinzufügen</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>Name</translation>
    </message>
    <message>
        <source>for example deepseek</source>
        <translation>zum Beispiel deepseek</translation>
    </message>
    <message>
        <source>Address</source>
        <translation>Adresse</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <source>as the server calls it</source>
        <translation>wie der Server es nennt</translation>
    </message>
    <message>
        <source>Key</source>
        <translation>Schlüssel</translation>
    </message>
    <message>
        <source>kept in the system&apos;s keyring</source>
        <translation>liegt im Schlüsselbund des Systems</translation>
    </message>
    <message>
        <source>Why it was not added</source>
        <translation>Warum er nicht hinzugefügt wurde</translation>
    </message>
    <message>
        <source>Add</source>
        <translation>Hinzufügen</translation>
    </message>
    <message>
        <source>Add this endpoint</source>
        <translation>Diesen Endpunkt hinzufügen</translation>
    </message>
    <message>
        <source>Add an OpenAI-compatible endpoint</source>
        <translation>OpenAI-kompatiblen Endpunkt hinzufügen</translation>
    </message>
    <message>
        <source>A name has letters, digits, - and _ only.</source>
        <translation>Ein Name besteht nur aus Buchstaben von A bis Z, Ziffern, - und _.</translation>
    </message>
    <message>
        <source>The address begins with http:// or https://.</source>
        <translation>Die Adresse beginnt mit http:// oder https://.</translation>
    </message>
    <message>
        <source>Say which model of that server to use.</source>
        <translation>Sag, welches Modell dieses Servers gemeint ist.</translation>
    </message>
</context>
<context>
    <name>Engine</name>
    <message>
        <source>Ready</source>
        <translation>Bereit</translation>
    </message>
    <message>
        <source>Thinking</source>
        <translation>Denkt nach</translation>
    </message>
    <message>
        <source>Waiting for your answer</source>
        <translation>Wartet auf deine Antwort</translation>
    </message>
    <message>
        <source>Capture is paused</source>
        <translation>Loom sieht nicht hin</translation>
    </message>
    <message>
        <source>Language of the windows: system, en, de. Loom&apos;s answers and cards are English for now.</source>
        <translation>Sprache der Fenster. Die eigenen Antworten und Karten von Loom sind vorerst englisch.</translation>
    </message>
    <message>
        <source>Light or dark windows, or as the system says.</source>
        <translation>Helle oder dunkle Fenster, oder wie das System es sagt.</translation>
    </message>
    <message>
        <source>Start when you log in, quietly, in the tray.</source>
        <translation>Startet leise in der Leiste, wenn du dich anmeldest.</translation>
    </message>
    <message>
        <source>Which agents run; one file each.</source>
        <translation>Welche Agenten laufen; jeder ist eine Datei.</translation>
    </message>
    <message>
        <source>At most so many suggestions an hour; the others wait in the inbox.</source>
        <translation>Höchstens so viele Vorschläge je Stunde; die anderen warten im Eingang.</translation>
    </message>
    <message>
        <source>No suggestions between these times; empty for none. Reminders you set still come.</source>
        <translation>Keine Vorschläge zwischen diesen Zeiten; leer für keine Ruhezeit. Erinnerungen von dir kommen trotzdem.</translation>
    </message>
    <message>
        <source>A suggestion that nobody answers goes away after so many seconds.</source>
        <translation>Ein Vorschlag, den niemand beantwortet, verschwindet nach so vielen Sekunden.</translation>
    </message>
    <message>
        <source>Also show reminders and approvals as notifications of the desktop.</source>
        <translation>Erinnerungen und Freigaben auch als Benachrichtigungen des Desktops zeigen.</translation>
    </message>
    <message>
        <source>How a model works on a question: one answer, reasoning first, with tools, or after a plan.</source>
        <translation>Wie ein Modell an einer Frage arbeitet: mit einer Antwort, erst mit Nachdenken, mit Werkzeugen oder nach einem Plan.</translation>
    </message>
    <message>
        <source>Whether a model may call tools. Auto: one on this computer is told only of those that fit.</source>
        <translation>Ob ein Modell Werkzeuge benutzen darf. Automatisch: eines auf diesem Computer erfährt nur von denen, die passen.</translation>
    </message>
    <message>
        <source>How often a model is asked for one answer, at most.</source>
        <translation>Wie oft ein Modell für eine Antwort höchstens gefragt wird.</translation>
    </message>
    <message>
        <source>How many tokens one answer may use, all its steps together.</source>
        <translation>Wie viele Tokens eine Antwort brauchen darf, alle Schritte zusammen.</translation>
    </message>
    <message>
        <source>How long one answer may take before it must come to its end.</source>
        <translation>Wie lange eine Antwort dauern darf, bevor sie zum Ende kommen muss.</translation>
    </message>
    <message>
        <source>How you want to be answered: a sentence or two that go along with every question.</source>
        <translation>Wie du Antworten haben möchtest: ein oder zwei Sätze, die jede Frage begleiten.</translation>
    </message>
    <message>
        <source>Show a model what is remembered and may help it to answer.</source>
        <translation>Einem Modell zeigen, was im Gedächtnis ist und beim Antworten helfen kann.</translation>
    </message>
    <message>
        <source>Remember what you say of yourself in plain words (name, home, work, family), and show it.</source>
        <translation>Behalten, was du in einfachen Sätzen von dir sagst (Name, Wohnort, Arbeit, Familie), und es zeigen.</translation>
    </message>
    <message>
        <source>Nothing leaves this computer, whatever else is set.</source>
        <translation>Nichts verlässt diesen Computer, was auch sonst eingestellt ist.</translation>
    </message>
    <message>
        <source>Take passwords, keys and card numbers out of what is sent to a model elsewhere.</source>
        <translation>Passwörter, Schlüssel und Kartennummern aus dem nehmen, was an ein Modell anderswo geht.</translation>
    </message>
    <message>
        <source>Where files may be read and moved. Everything else asks or is refused.</source>
        <translation>Wo Dateien gelesen und verschoben werden dürfen. Alles andere fragt oder wird abgelehnt.</translation>
    </message>
    <message>
        <source>The most private content that a model elsewhere may see.</source>
        <translation>Der privateste Inhalt, den ein Modell anderswo sehen darf.</translation>
    </message>
    <message>
        <source>The model that is asked first where nothing speaks against it; empty: the first named.</source>
        <translation>Das Modell, das zuerst gefragt wird, wo nichts dagegen spricht; leer: das zuerst genannte.</translation>
    </message>
    <message>
        <source>How long the first word may take before a quicker model is preferred.</source>
        <translation>Wie lange das erste Wort dauern darf, bevor ein schnelleres Modell vorgezogen wird.</translation>
    </message>
    <message>
        <source>The most that one answer may cost, in dollars.</source>
        <translation>Was eine Antwort höchstens kosten darf, in Dollar.</translation>
    </message>
    <message>
        <source>The most that one day may cost, in dollars.</source>
        <translation>Was ein Tag höchstens kosten darf, in Dollar.</translation>
    </message>
    <message>
        <source>The most that one agent may cost in a day, in dollars.</source>
        <translation>Was ein Agent an einem Tag höchstens kosten darf, in Dollar.</translation>
    </message>
    <message>
        <source>What becomes of a question to a model whose price is not known.</source>
        <translation>Was aus einer Frage an ein Modell wird, dessen Preis nicht bekannt ist.</translation>
    </message>
    <message>
        <source>How sure a local model must be of its answer.</source>
        <translation>Wie sicher sich ein lokales Modell seiner Antwort sein muss.</translation>
    </message>
    <message>
        <source>Let a model on this computer answer at once, while one elsewhere works on a better answer.</source>
        <translation>Ein Modell auf diesem Computer sofort antworten lassen, während eines anderswo an einer besseren Antwort arbeitet.</translation>
    </message>
    <message>
        <source>Choose by what came of earlier answers: off, bandit, or ab (half of the conversations).</source>
        <translation>Nach dem wählen, was aus früheren Antworten wurde: off, bandit oder ab (die Hälfte der Gespräche).</translation>
    </message>
    <message>
        <source>When Ollama on this computer loads its model ahead: off, popup (opens), start (of Loom).</source>
        <translation>Wann Ollama auf diesem Computer sein Modell im Voraus lädt: off, popup (öffnet sich), start (von Loom).</translation>
    </message>
    <message>
        <source>How long Ollama then keeps it in memory.</source>
        <translation>Wie lange Ollama es dann im Speicher behält.</translation>
    </message>
    <message>
        <source>Events older than this are forgotten. Conversations, reminders and notes are not.</source>
        <translation>Ältere Ereignisse werden vergessen. Gespräche, Erinnerungen und Notizen nicht.</translation>
    </message>
    <message>
        <source>Keep everything encrypted on disk, with a key from the system&apos;s keyring.</source>
        <translation>Alles verschlüsselt ablegen, mit einem Schlüssel aus dem Schlüsselbund des Systems.</translation>
    </message>
    <message>
        <source>Folder of a sentence model (all-MiniLM-L6-v2), so that memories are found by meaning as well. Empty: by words and letters. It needs the extra embed.</source>
        <translation>Ordner eines Satzmodells (all-MiniLM-L6-v2), damit Erinnertes auch nach seinem Sinn gefunden wird. Leer: nach Wörtern und Buchstaben. Braucht das Extra embed.</translation>
    </message>
    <message>
        <source>Look at what you copy, and offer help with it.</source>
        <translation>Ansehen, was du kopierst, und Hilfe dazu anbieten.</translation>
    </message>
    <message>
        <source>Longer texts are left alone.</source>
        <translation>Längere Texte bleiben unberührt.</translation>
    </message>
    <message>
        <source>Watch folders for new files.</source>
        <translation>In Ordnern auf neue Dateien achten.</translation>
    </message>
    <message>
        <source>The folders, without those inside them.</source>
        <translation>Die Ordner, ohne die Ordner darin.</translation>
    </message>
    <message>
        <source>A new file is left alone until nothing happened to it for so many seconds.</source>
        <translation>Eine neue Datei bleibt unberührt, bis so viele Sekunden nichts mit ihr geschah.</translation>
    </message>
    <message>
        <source>The keys that open Loom from anywhere; empty for none.</source>
        <translation>Die Tasten, die Loom von überall öffnen; leer für keine.</translation>
    </message>
    <message>
        <source>The keys to hold while you speak to Loom; not used yet.</source>
        <translation>Die Tasten, die du hältst, während du mit Loom sprichst; noch ohne Wirkung.</translation>
    </message>
    <message>
        <source>How the keys are heard: auto finds the best way for this desktop.</source>
        <translation>Wie die Tasten gehört werden: „Automatisch“ findet den besten Weg für diesen Desktop.</translation>
    </message>
    <message>
        <source>Ask the system to wait a moment before it sleeps, so that everything is stored.</source>
        <translation>Das System bitten, vor dem Schlafen kurz zu warten, damit alles gespeichert ist.</translation>
    </message>
    <message>
        <source>Shorter copies are left alone.</source>
        <translation>Kürzere Kopien bleiben unberührt.</translation>
    </message>
    <message>
        <source>Where sorted files go, into folders by kind and year.</source>
        <translation>Wohin sortierte Dateien kommen, in Ordner nach Art und Jahr.</translation>
    </message>
    <message>
        <source>Files that arrive within so many seconds of each other share a card.</source>
        <translation>Dateien, die innerhalb so vieler Sekunden ankommen, teilen sich eine Karte.</translation>
    </message>
    <message>
        <source>Capture is paused until {0}</source>
        <translation>Loom sieht bis {0} nicht hin</translation>
    </message>
</context>
<context>
    <name>Exchange</name>
    <message>
        <source>Export the conversation</source>
        <translation>Gespräch exportieren</translation>
    </message>
    <message>
        <source>Markdown (*.md)</source>
        <translation>Markdown (*.md)</translation>
    </message>
    <message>
        <source>JSON, with everything (*.json)</source>
        <translation>JSON, mit allem (*.json)</translation>
    </message>
    <message>
        <source>Conversation</source>
        <translation>Gespräch</translation>
    </message>
    <message>
        <source>Import conversations of Loom, ChatGPT or Claude</source>
        <translation>Gespräche von Loom, ChatGPT oder Claude importieren</translation>
    </message>
    <message>
        <source>Exported conversations (*.zip *.json *.md)</source>
        <translation>Exportierte Gespräche (*.zip *.json *.md)</translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation>Alle Dateien (*)</translation>
    </message>
    <message>
        <source>The conversation is exported.</source>
        <translation>Das Gespräch ist exportiert.</translation>
    </message>
    <message>
        <source>Here already: {0}</source>
        <translation>Schon hier: {0}</translation>
    </message>
    <message>
        <source>Conversations imported: {0}</source>
        <translation>Importierte Gespräche: {0}</translation>
    </message>
    <message>
        <source>Reading…</source>
        <translation>Wird gelesen …</translation>
    </message>
</context>
<context>
    <name>Field</name>
    <message>
        <source>Reset</source>
        <translation>Zurücksetzen</translation>
    </message>
    <message>
        <source>Reset {0}</source>
        <translation>{0} zurücksetzen</translation>
    </message>
    <message>
        <source>Why {0} was not changed</source>
        <translation>Warum {0} nicht geändert wurde</translation>
    </message>
    <message>
        <source>This takes effect when Loom starts the next time.</source>
        <translation>Das gilt ab dem nächsten Start von Loom.</translation>
    </message>
    <message>
        <source>“{0}” is not a number.</source>
        <translation>„{0}“ ist keine Zahl.</translation>
    </message>
</context>
<context>
    <name>FirstRun</name>
    <message>
        <source>Welcome to Loom</source>
        <translation>Willkommen bei Loom</translation>
    </message>
    <message>
        <source>What went wrong</source>
        <translation>Was schiefging</translation>
    </message>
    <message>
        <source>Back</source>
        <translation>Zurück</translation>
    </message>
    <message>
        <source>Skip</source>
        <translation>Überspringen</translation>
    </message>
    <message>
        <source>Continue</source>
        <translation>Weiter</translation>
    </message>
    <message>
        <source>What may Loom look at?</source>
        <translation>Was darf Loom ansehen?</translation>
    </message>
    <message>
        <source>It offers help when something happens. Both are off until you switch them on, and what it sees stays on this computer.</source>
        <translation>Es bietet Hilfe an, wenn etwas geschieht. Beides ist aus, bis du es einschaltest, und was es sieht, bleibt auf diesem Computer.</translation>
    </message>
    <message>
        <source>What I copy</source>
        <translation>Was ich kopiere</translation>
    </message>
    <message>
        <source>Long texts get an offer of a summary. Copied passwords are left alone, and copied text is never stored.</source>
        <translation>Für lange Texte gibt es das Angebot einer Zusammenfassung. Kopierte Passwörter bleiben unberührt, und kopierter Text wird nie gespeichert.</translation>
    </message>
    <message>
        <source>My Downloads folder</source>
        <translation>Mein Download-Ordner</translation>
    </message>
    <message>
        <source>A finished download gets an offer of a name and a folder. Nothing moves before you say so, and nothing is ever deleted.</source>
        <translation>Für einen fertigen Download gibt es das Angebot eines Namens und eines Ordners. Nichts wird verschoben, bevor du es sagst, und nichts wird je gelöscht.</translation>
    </message>
    <message>
        <source>Which model answers?</source>
        <translation>Welches Modell antwortet?</translation>
    </message>
    <message>
        <source>None is needed. Summaries, reminders, sums, notes and sorting work without one.</source>
        <translation>Nötig ist keines. Zusammenfassen, Erinnern, Rechnen, Notieren und Sortieren gehen ohne.</translation>
    </message>
    <message>
        <source>Looking for models on this computer…</source>
        <translation>Modelle auf diesem Computer werden gesucht …</translation>
    </message>
    <message>
        <source>Connect a model…</source>
        <translation>Modell verbinden …</translation>
    </message>
    <message>
        <source>Keep everything on this computer</source>
        <translation>Alles auf diesem Computer behalten</translation>
    </message>
    <message>
        <source>Then only models that run here are asked. You can change it at any time.</source>
        <translation>Dann werden nur Modelle gefragt, die hier laufen. Du kannst es jederzeit ändern.</translation>
    </message>
    <message>
        <source>Bring Loom up from anywhere</source>
        <translation>Loom von überall öffnen</translation>
    </message>
    <message>
        <source>Press these keys now, to try it.</source>
        <translation>Drück jetzt diese Tasten, um es zu probieren.</translation>
    </message>
    <message>
        <source>Waiting for the keys…</source>
        <translation>Wartet auf die Tasten …</translation>
    </message>
    <message>
        <source>Start when I log in</source>
        <translation>Starten, wenn ich mich anmelde</translation>
    </message>
    <message>
        <source>Quietly, in the tray. It is there when you press the keys.</source>
        <translation>Leise, in der Leiste. Es ist da, wenn du die Tasten drückst.</translation>
    </message>
    <message>
        <source>It works.</source>
        <translation>Es funktioniert.</translation>
    </message>
    <message>
        <source>Start using Loom</source>
        <translation>Mit Loom anfangen</translation>
    </message>
    <message>
        <source>on this computer</source>
        <translation>auf diesem Computer</translation>
    </message>
    <message>
        <source>elsewhere</source>
        <translation>anderswo</translation>
    </message>
    <message>
        <source>They are asked by themselves, those on this computer first.</source>
        <translation>Sie werden von selbst gefragt, die auf diesem Computer zuerst.</translation>
    </message>
    <message>
        <source>No model was found. Start Ollama, LM Studio or llama.cpp one day, and it is found by itself.</source>
        <translation>Kein Modell gefunden. Starte irgendwann Ollama, LM Studio oder llama.cpp, und es wird von selbst gefunden.</translation>
    </message>
    <message>
        <source>does not answer</source>
        <translation>antwortet nicht</translation>
    </message>
    <message>
        <source>Bind a key of your desktop to the command: loom popup</source>
        <translation>Leg eine Taste deines Desktops auf den Befehl: loom popup</translation>
    </message>
    <message>
        <source>This desktop has no tray for Loom&apos;s icon.</source>
        <translation>Dieser Desktop hat keine Leiste für das Symbol von Loom.</translation>
    </message>
    <message>
        <source>Use the keys, or start Loom again to bring it up.</source>
        <translation>Nimm die Tasten, oder starte Loom noch einmal, um es zu öffnen.</translation>
    </message>
</context>
<context>
    <name>Folder</name>
    <message>
        <source>Choose…</source>
        <translation>Wählen …</translation>
    </message>
    <message>
        <source>Choose {0}</source>
        <translation>{0} wählen</translation>
    </message>
</context>
<context>
    <name>Folders</name>
    <message>
        <source>Add a folder…</source>
        <translation>Ordner hinzufügen …</translation>
    </message>
    <message>
        <source>Add a folder to {0}</source>
        <translation>Ordner hinzufügen zu {0}</translation>
    </message>
    <message>
        <source>Take {0} away</source>
        <translation>{0} entfernen</translation>
    </message>
    <message>
        <source>Take it away</source>
        <translation>Entfernen</translation>
    </message>
</context>
<context>
    <name>Health</name>
    <message>
        <source>Look again</source>
        <translation>Noch einmal prüfen</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>Kopieren</translation>
    </message>
    <message>
        <source>Copy what was found</source>
        <translation>Befund kopieren</translation>
    </message>
    <message>
        <source>Dismiss</source>
        <translation>Verwerfen</translation>
    </message>
    <message>
        <source>Dismiss: {0}</source>
        <translation>Verwerfen: {0}</translation>
    </message>
    <message>
        <source>works</source>
        <translation>funktioniert</translation>
    </message>
    <message>
        <source>look at this</source>
        <translation>ansehen</translation>
    </message>
    <message>
        <source>missing</source>
        <translation>fehlt</translation>
    </message>
    <message>
        <source>off</source>
        <translation>aus</translation>
    </message>
    <message>
        <source>Copied</source>
        <translation>Kopiert</translation>
    </message>
</context>
<context>
    <name>Inbox</name>
    <message>
        <source>Inbox of Loom</source>
        <translation>Eingang von Loom</translation>
    </message>
    <message>
        <source>Inbox</source>
        <translation>Eingang</translation>
    </message>
    <message>
        <source>What is chosen</source>
        <translation>Was gewählt ist</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>Zeigen</translation>
    </message>
    <message>
        <source>Reminders</source>
        <translation>Erinnerungen</translation>
    </message>
    <message>
        <source>Conversations</source>
        <translation>Gespräche</translation>
    </message>
    <message>
        <source>Search</source>
        <translation>Suchen</translation>
    </message>
    <message>
        <source>Kind</source>
        <translation>Art</translation>
    </message>
    <message>
        <source>All</source>
        <translation>Alle</translation>
    </message>
    <message>
        <source>Suggestions</source>
        <translation>Vorschläge</translation>
    </message>
    <message>
        <source>Approvals</source>
        <translation>Freigaben</translation>
    </message>
    <message>
        <source>Actions</source>
        <translation>Aktionen</translation>
    </message>
    <message>
        <source>What left this computer today</source>
        <translation>Was diesen Computer heute verlassen hat</translation>
    </message>
    <message>
        <source>Keep everything on this computer</source>
        <translation>Alles auf diesem Computer behalten</translation>
    </message>
    <message>
        <source>Without a time</source>
        <translation>Ohne Zeit</translation>
    </message>
    <message>
        <source>Without a title</source>
        <translation>Ohne Titel</translation>
    </message>
    <message>
        <source>Questions: {0}</source>
        <translation>Fragen: {0}</translation>
    </message>
    <message>
        <source>Import…</source>
        <translation>Importieren …</translation>
    </message>
    <message>
        <source>Branch</source>
        <translation>Zweig</translation>
    </message>
    <message>
        <source>Imported from {0}</source>
        <translation>Importiert aus {0}</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>Noch einmal versuchen</translation>
    </message>
    <message>
        <source>Looking…</source>
        <translation>Wird geladen …</translation>
    </message>
    <message>
        <source>Nothing found</source>
        <translation>Nichts gefunden</translation>
    </message>
    <message>
        <source>No line has all of these words.</source>
        <translation>Keine Zeile enthält all diese Wörter.</translation>
    </message>
    <message>
        <source>Clear the search</source>
        <translation>Suche leeren</translation>
    </message>
    <message>
        <source>No reminders</source>
        <translation>Keine Erinnerungen</translation>
    </message>
    <message>
        <source>Say it as you would to a person: remind me tomorrow at 8:30 to call Ana.</source>
        <translation>Sag es wie zu einem Menschen: Erinnere mich morgen um 8:30 daran, Ana anzurufen.</translation>
    </message>
    <message>
        <source>Ask Loom</source>
        <translation>Loom fragen</translation>
    </message>
    <message>
        <source>No conversations yet</source>
        <translation>Noch keine Gespräche</translation>
    </message>
    <message>
        <source>What you ask is kept here, on this computer.</source>
        <translation>Was du fragst, wird hier aufbewahrt, auf diesem Computer.</translation>
    </message>
    <message>
        <source>Nothing of this kind</source>
        <translation>Nichts dieser Art</translation>
    </message>
    <message>
        <source>Show everything</source>
        <translation>Alles zeigen</translation>
    </message>
    <message>
        <source>Nothing here yet</source>
        <translation>Noch nichts da</translation>
    </message>
    <message>
        <source>What Loom offers, asks and does will be listed here, with its undo.</source>
        <translation>Was Loom anbietet, fragt und tut, steht dann hier und lässt sich zurücknehmen.</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>Zurücknehmen</translation>
    </message>
    <message>
        <source>Done by Loom</source>
        <translation>Von Loom erledigt</translation>
    </message>
    <message>
        <source>Next: {0}, {1}</source>
        <translation>Nächstes Mal: {0}, {1}</translation>
    </message>
    <message>
        <source>Over</source>
        <translation>Vorbei</translation>
    </message>
    <message>
        <source>Reminder</source>
        <translation>Erinnerung</translation>
    </message>
    <message>
        <source>Done</source>
        <translation>Erledigt</translation>
    </message>
    <message>
        <source>In 10 minutes</source>
        <translation>In 10 Minuten</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>Entfernen</translation>
    </message>
    <message>
        <source>Conversation</source>
        <translation>Gespräch</translation>
    </message>
    <message>
        <source>Open</source>
        <translation>Öffnen</translation>
    </message>
    <message>
        <source>Export…</source>
        <translation>Exportieren …</translation>
    </message>
    <message>
        <source>Forget…</source>
        <translation>Vergessen …</translation>
    </message>
    <message>
        <source>“{0}” is removed.</source>
        <translation>„{0}“ ist entfernt.</translation>
    </message>
    <message>
        <source>Forget “{0}”?</source>
        <translation>„{0}“ vergessen?</translation>
    </message>
    <message>
        <source>It is removed from every file. This cannot be undone.</source>
        <translation>Es wird aus jeder Datei entfernt. Das lässt sich nicht zurücknehmen.</translation>
    </message>
    <message>
        <source>Forget it</source>
        <translation>Vergessen</translation>
    </message>
    <message>
        <source>Some files could not be put back.</source>
        <translation>Einige Dateien konnten nicht zurückgelegt werden.</translation>
    </message>
    <message>
        <source>The files are back.</source>
        <translation>Die Dateien sind wieder da.</translation>
    </message>
    <message>
        <source>Nothing left this computer today</source>
        <translation>Heute hat nichts diesen Computer verlassen</translation>
    </message>
    <message>
        <source>{0} left this computer today</source>
        <translation>{0} haben heute diesen Computer verlassen</translation>
    </message>
    <message>
        <source>Connections: {0}</source>
        <translation>Verbindungen: {0}</translation>
    </message>
</context>
<context>
    <name>Lines</name>
    <message>
        <source>Looking…</source>
        <translation>Wird geprüft …</translation>
    </message>
</context>
<context>
    <name>Models</name>
    <message>
        <source>No model is set or found. Loom works without one; start Ollama, LM Studio or llama.cpp and it is found, or add an endpoint below.</source>
        <translation>Kein Modell ist eingestellt oder gefunden. Loom arbeitet auch ohne; starte Ollama, LM Studio oder llama.cpp, dann wird es gefunden, oder füge unten einen Endpunkt hinzu.</translation>
    </message>
    <message>
        <source>on this computer</source>
        <translation>auf diesem Computer</translation>
    </message>
    <message>
        <source>elsewhere</source>
        <translation>anderswo</translation>
    </message>
    <message>
        <source>found by itself</source>
        <translation>selbst gefunden</translation>
    </message>
    <message>
        <source>set by you</source>
        <translation>von dir eingestellt</translation>
    </message>
    <message>
        <source>works</source>
        <translation>funktioniert</translation>
    </message>
    <message>
        <source>does not answer</source>
        <translation>antwortet nicht</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>Entfernen</translation>
    </message>
    <message>
        <source>Remove {0}</source>
        <translation>{0} entfernen</translation>
    </message>
</context>
<context>
    <name>Nevers</name>
    <message>
        <source>Nothing. When you say “Never for this” on a card, it is listed here.</source>
        <translation>Nichts. Wenn du auf einer Karte „Dafür nie“ wählst, steht es hier.</translation>
    </message>
    <message>
        <source>Offer again</source>
        <translation>Wieder anbieten</translation>
    </message>
    <message>
        <source>Offer again: {0}</source>
        <translation>Wieder anbieten: {0}</translation>
    </message>
    <message>
        <source>Sorting what was downloaded</source>
        <translation>Downloads sortieren</translation>
    </message>
    <message>
        <source>Summaries of what you copy</source>
        <translation>Zusammenfassen, was du kopierst</translation>
    </message>
</context>
<context>
    <name>Notice</name>
    <message>
        <source>Close this notice</source>
        <translation>Diesen Hinweis schließen</translation>
    </message>
</context>
<context>
    <name>Picker</name>
    <message>
        <source>Press Shift+Delete again to forget “{0}”.</source>
        <translation>Drück noch einmal Umschalt+Entf, um „{0}“ zu vergessen.</translation>
    </message>
</context>
<context>
    <name>Popup</name>
    <message>
        <source>Loom</source>
        <translation>Loom</translation>
    </message>
    <message>
        <source>Loom assistant</source>
        <translation>Loom, der Assistent</translation>
    </message>
    <message>
        <source>Who answered</source>
        <translation>Wer geantwortet hat</translation>
    </message>
    <message>
        <source>Commands</source>
        <translation>Befehle</translation>
    </message>
    <message>
        <source>History</source>
        <translation>Verlauf</translation>
    </message>
    <message>
        <source>New conversation</source>
        <translation>Neues Gespräch</translation>
    </message>
    <message>
        <source>Summarise what I copied</source>
        <translation>Fasse zusammen, was ich kopiert habe</translation>
    </message>
    <message>
        <source>Stopped</source>
        <translation>Angehalten</translation>
    </message>
    <message>
        <source>Answering…</source>
        <translation>Antwortet …</translation>
    </message>
    <message>
        <source>Thinking…</source>
        <translation>Denkt nach …</translation>
    </message>
    <message>
        <source>{0} s</source>
        <translation>{0} s</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>Kopieren</translation>
    </message>
    <message>
        <source>Attach files</source>
        <translation>Dateien anhängen</translation>
    </message>
    <message>
        <source>Find a command</source>
        <translation>Befehl suchen</translation>
    </message>
    <message>
        <source>There is no such command.</source>
        <translation>Diesen Befehl gibt es nicht.</translation>
    </message>
    <message>
        <source>Enter to choose · Esc to go back</source>
        <translation>Enter wählt · Esc geht zurück</translation>
    </message>
    <message>
        <source>Search conversations</source>
        <translation>Gespräche durchsuchen</translation>
    </message>
    <message>
        <source>No conversations here yet.</source>
        <translation>Hier sind noch keine Gespräche.</translation>
    </message>
    <message>
        <source>Enter to open · Shift+Delete to forget · Esc to go back</source>
        <translation>Enter öffnet · Umschalt+Entf vergisst · Esc geht zurück</translation>
    </message>
</context>
<context>
    <name>Prompt</name>
    <message>
        <source>Ask Loom</source>
        <translation>Loom fragen</translation>
    </message>
    <message>
        <source>Ask anything…   Enter to send · Esc to hide</source>
        <translation>Frag etwas …   Enter sendet · Esc blendet aus</translation>
    </message>
    <message>
        <source>Attach files</source>
        <translation>Dateien anhängen</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>Senden</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>Anhalten</translation>
    </message>
    <message>
        <source>“{0}” cannot be attached.</source>
        <translation>„{0}“ lässt sich nicht anhängen.</translation>
    </message>
    <message>
        <source>Only files can be attached. Choose the files in the folder.</source>
        <translation>Nur Dateien lassen sich anhängen. Wähl die Dateien in dem Ordner.</translation>
    </message>
    <message numerus="yes">
        <source>More than %n files cannot be attached.</source>
        <translation>
            <numerusform>Mehr als %n Datei lässt sich nicht anhängen.</numerusform>
            <numerusform>Mehr als %n Dateien lassen sich nicht anhängen.</numerusform>
        </translation>
    </message>
    <message>
        <source>Send these first, then the others.</source>
        <translation>Sende erst diese, dann die anderen.</translation>
    </message>
    <message>
        <source>That text is too long to paste.</source>
        <translation>Dieser Text ist zu lang zum Einfügen.</translation>
    </message>
    <message>
        <source>Save it to a file and attach the file.</source>
        <translation>Speichere ihn in einer Datei und häng die Datei an.</translation>
    </message>
    <message>
        <source>Pasted text · {0} characters</source>
        <translation>Eingefügter Text · {0} Zeichen</translation>
    </message>
    <message>
        <source>Remove {0}</source>
        <translation>{0} entfernen</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>Entfernen</translation>
    </message>
</context>
<context>
    <name>Recorder</name>
    <message>
        <source>Clear</source>
        <translation>Leeren</translation>
    </message>
    <message>
        <source>{0}: no keys</source>
        <translation>{0}: keine Tasten</translation>
    </message>
    <message>
        <source>Press the keys…</source>
        <translation>Tasten drücken …</translation>
    </message>
    <message>
        <source>None</source>
        <translation>Keine Tasten</translation>
    </message>
</context>
<context>
    <name>Report</name>
    <message>
        <source>It works.</source>
        <translation>Es funktioniert.</translation>
    </message>
    <message>
        <source>It does not work.</source>
        <translation>Es funktioniert nicht.</translation>
    </message>
    <message>
        <source>It is off.</source>
        <translation>Es ist aus.</translation>
    </message>
</context>
<context>
    <name>SettingsWindow</name>
    <message>
        <source>Settings of Loom</source>
        <translation>Einstellungen von Loom</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <source>Find a setting</source>
        <translation>Einstellung suchen</translation>
    </message>
    <message>
        <source>Pages</source>
        <translation>Seiten</translation>
    </message>
    <message>
        <source>Looking…</source>
        <translation>Wird geladen …</translation>
    </message>
    <message>
        <source>Nothing found</source>
        <translation>Nichts gefunden</translation>
    </message>
    <message>
        <source>No setting has all of these words.</source>
        <translation>Keine Einstellung enthält all diese Wörter.</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>Noch einmal versuchen</translation>
    </message>
    <message>
        <source>Never for this</source>
        <translation>Dafür nie</translation>
    </message>
    <message>
        <source>General</source>
        <translation>Allgemein</translation>
    </message>
    <message>
        <source>Hotkey</source>
        <translation>Tastenkürzel</translation>
    </message>
    <message>
        <source>The keys that bring Loom up from anywhere.</source>
        <translation>Die Tasten, die Loom von überall öffnen.</translation>
    </message>
    <message>
        <source>Clipboard</source>
        <translation>Zwischenablage</translation>
    </message>
    <message>
        <source>Passwords are left alone: programs mark them, and Loom obeys.</source>
        <translation>Passwörter bleiben unberührt: Programme kennzeichnen sie, und Loom hält sich daran.</translation>
    </message>
    <message>
        <source>Files</source>
        <translation>Dateien</translation>
    </message>
    <message>
        <source>Nothing is ever deleted, and every move can be undone.</source>
        <translation>Nichts wird je gelöscht, und jedes Verschieben lässt sich zurücknehmen.</translation>
    </message>
    <message>
        <source>Cards</source>
        <translation>Karten</translation>
    </message>
    <message>
        <source>How often Loom may offer something.</source>
        <translation>Wie oft Loom etwas anbieten darf.</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>Modelle</translation>
    </message>
    <message>
        <source>What works without one: summaries, reminders, sums, notes and sorting.</source>
        <translation>Ohne Modell geht: Zusammenfassen, Erinnern, Rechnen, Notieren und Sortieren.</translation>
    </message>
    <message>
        <source>Privacy</source>
        <translation>Privatsphäre</translation>
    </message>
    <message>
        <source>What may leave this computer.</source>
        <translation>Was diesen Computer verlassen darf.</translation>
    </message>
    <message>
        <source>Storage</source>
        <translation>Speicher</translation>
    </message>
    <message>
        <source>What is kept, and for how long.</source>
        <translation>Was aufbewahrt wird, und wie lange.</translation>
    </message>
    <message>
        <source>More</source>
        <translation>Mehr</translation>
    </message>
    <message>
        <source>Health</source>
        <translation>Zustand</translation>
    </message>
    <message>
        <source>What works here, and what to do otherwise.</source>
        <translation>Was hier funktioniert, und was sonst zu tun ist.</translation>
    </message>
    <message>
        <source>As the system</source>
        <translation>Wie das System</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>Hell</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>Dunkel</translation>
    </message>
    <message>
        <source>One answer</source>
        <translation>Eine Antwort</translation>
    </message>
    <message>
        <source>Reasoning first</source>
        <translation>Erst nachdenken</translation>
    </message>
    <message>
        <source>With tools</source>
        <translation>Mit Werkzeugen</translation>
    </message>
    <message>
        <source>After a plan</source>
        <translation>Nach einem Plan</translation>
    </message>
    <message>
        <source>Always</source>
        <translation>Immer</translation>
    </message>
    <message>
        <source>Never</source>
        <translation>Nie</translation>
    </message>
    <message>
        <source>Public only</source>
        <translation>Nur Öffentliches</translation>
    </message>
    <message>
        <source>Sensitive</source>
        <translation>Sensibles</translation>
    </message>
    <message>
        <source>Private</source>
        <translation>Privates</translation>
    </message>
    <message>
        <source>Nothing leaves</source>
        <translation>Nichts geht hinaus</translation>
    </message>
    <message>
        <source>Ask</source>
        <translation>Fragen</translation>
    </message>
    <message>
        <source>Refuse</source>
        <translation>Ablehnen</translation>
    </message>
    <message>
        <source>Allow</source>
        <translation>Erlauben</translation>
    </message>
    <message>
        <source>Off</source>
        <translation>Aus</translation>
    </message>
    <message>
        <source>On</source>
        <translation>Ein</translation>
    </message>
    <message>
        <source>For half of the conversations</source>
        <translation>Für die Hälfte der Gespräche</translation>
    </message>
    <message>
        <source>When Loom is brought up</source>
        <translation>Wenn Loom geöffnet wird</translation>
    </message>
    <message>
        <source>When Loom starts</source>
        <translation>Wenn Loom startet</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>Automatisch</translation>
    </message>
    <message>
        <source>Portal</source>
        <translation>Portal</translation>
    </message>
    <message>
        <source>None</source>
        <translation>Keiner</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>Sprache</translation>
    </message>
    <message>
        <source>Look</source>
        <translation>Aussehen</translation>
    </message>
    <message>
        <source>Start at login</source>
        <translation>Beim Anmelden starten</translation>
    </message>
    <message>
        <source>Agents</source>
        <translation>Agenten</translation>
    </message>
    <message>
        <source>Suggestions an hour</source>
        <translation>Vorschläge je Stunde</translation>
    </message>
    <message>
        <source>Quiet hours</source>
        <translation>Ruhezeiten</translation>
    </message>
    <message>
        <source>Seconds that a card stays</source>
        <translation>Sekunden, die eine Karte bleibt</translation>
    </message>
    <message>
        <source>Notifications of the desktop</source>
        <translation>Benachrichtigungen des Desktops</translation>
    </message>
    <message>
        <source>Keep everything on this computer</source>
        <translation>Alles auf diesem Computer behalten</translation>
    </message>
    <message>
        <source>Mask secrets</source>
        <translation>Geheimes schwärzen</translation>
    </message>
    <message>
        <source>Folders where files may be moved</source>
        <translation>Wo Dateien verschoben werden dürfen</translation>
    </message>
    <message>
        <source>Show a model what is remembered</source>
        <translation>Einem Modell zeigen, was behalten wurde</translation>
    </message>
    <message>
        <source>Remember what I say of myself</source>
        <translation>Behalten, was ich von mir sage</translation>
    </message>
    <message>
        <source>How to answer you</source>
        <translation>Wie dir geantwortet wird</translation>
    </message>
    <message>
        <source>How a model works on a question</source>
        <translation>Wie ein Modell an einer Frage arbeitet</translation>
    </message>
    <message>
        <source>Whether a model may use tools</source>
        <translation>Ob ein Modell Werkzeuge benutzen darf</translation>
    </message>
    <message>
        <source>Most steps of one answer</source>
        <translation>Höchstens so viele Schritte je Antwort</translation>
    </message>
    <message>
        <source>Most tokens of one answer</source>
        <translation>Höchstens so viele Tokens je Antwort</translation>
    </message>
    <message>
        <source>Longest answer, in seconds</source>
        <translation>Längste Antwort, in Sekunden</translation>
    </message>
    <message>
        <source>The most private that may leave</source>
        <translation>Das Privateste, das hinausdarf</translation>
    </message>
    <message>
        <source>The model to ask first</source>
        <translation>Das zuerst gefragte Modell</translation>
    </message>
    <message>
        <source>Patience, in milliseconds</source>
        <translation>Geduld, in Millisekunden</translation>
    </message>
    <message>
        <source>Most for one answer, in dollars</source>
        <translation>Höchstpreis je Antwort, in Dollar</translation>
    </message>
    <message>
        <source>Most for one day, in dollars</source>
        <translation>Höchstpreis je Tag, in Dollar</translation>
    </message>
    <message>
        <source>Most for one agent in a day, in dollars</source>
        <translation>Höchstens für einen Agenten am Tag, in Dollar</translation>
    </message>
    <message>
        <source>Models whose price is not known</source>
        <translation>Modelle, deren Preis nicht bekannt ist</translation>
    </message>
    <message>
        <source>Sureness of a local model</source>
        <translation>Gewissheit eines lokalen Modells</translation>
    </message>
    <message>
        <source>A quick answer first, then a better one</source>
        <translation>Erst eine schnelle Antwort, dann eine bessere</translation>
    </message>
    <message>
        <source>Learn which model to ask</source>
        <translation>Lernen, welches Modell gefragt wird</translation>
    </message>
    <message>
        <source>Load the model ahead</source>
        <translation>Das Modell im Voraus laden</translation>
    </message>
    <message>
        <source>Minutes to keep it loaded</source>
        <translation>Minuten, die es geladen bleibt</translation>
    </message>
    <message>
        <source>Days to keep</source>
        <translation>Tage der Aufbewahrung</translation>
    </message>
    <message>
        <source>Encrypt what is kept</source>
        <translation>Aufbewahrtes verschlüsseln</translation>
    </message>
    <message>
        <source>Model of the memory</source>
        <translation>Modell für das Gedächtnis</translation>
    </message>
    <message>
        <source>Bring Loom up</source>
        <translation>Loom öffnen</translation>
    </message>
    <message>
        <source>Hold to speak</source>
        <translation>Halten zum Sprechen</translation>
    </message>
    <message>
        <source>How the keys are heard</source>
        <translation>Wie die Tasten gehört werden</translation>
    </message>
    <message>
        <source>Look at what I copy</source>
        <translation>Ansehen, was ich kopiere</translation>
    </message>
    <message>
        <source>Longest text, in bytes</source>
        <translation>Längster Text, in Byte</translation>
    </message>
    <message>
        <source>Words from which a summary is offered</source>
        <translation>Zusammenfassen ab so vielen Wörtern</translation>
    </message>
    <message>
        <source>Watch folders</source>
        <translation>Ordner beobachten</translation>
    </message>
    <message>
        <source>Folders to watch</source>
        <translation>Zu beobachtende Ordner</translation>
    </message>
    <message>
        <source>Seconds of rest before a file counts as whole</source>
        <translation>Sekunden, bis eine Datei als ganz gilt</translation>
    </message>
    <message>
        <source>Finish before the computer sleeps</source>
        <translation>Fertig werden, bevor der Computer schläft</translation>
    </message>
    <message>
        <source>Where sorted files go</source>
        <translation>Wohin sortierte Dateien kommen</translation>
    </message>
    <message>
        <source>Seconds in which files share a card</source>
        <translation>Sekunden für eine gemeinsame Karte</translation>
    </message>
</context>
<context>
    <name>Shell</name>
    <message>
        <source>The agent {0} failed: {1}</source>
        <translation>Der Agent {0} hat einen Fehler gemacht: {1}</translation>
    </message>
    <message>
        <source>The log says more.</source>
        <translation>Im Protokoll steht mehr.</translation>
    </message>
    <message>
        <source>Some files could not be put back.</source>
        <translation>Einige Dateien konnten nicht zurückgelegt werden.</translation>
    </message>
    <message>
        <source>The files are back.</source>
        <translation>Die Dateien sind wieder da.</translation>
    </message>
    <message>
        <source>This desktop has no tray for Loom&apos;s icon.</source>
        <translation>Dieser Desktop hat keine Leiste für das Symbol von Loom.</translation>
    </message>
    <message>
        <source>Use the hotkey, or start Loom again to bring this window up.</source>
        <translation>Nimm das Tastenkürzel, oder starte Loom noch einmal, um dieses Fenster zu öffnen.</translation>
    </message>
    <message>
        <source>Loom cannot write its log.</source>
        <translation>Loom kann sein Protokoll nicht schreiben.</translation>
    </message>
    <message>
        <source>Loom stumbled the last time it ran.</source>
        <translation>Loom ist beim letzten Mal gestolpert.</translation>
    </message>
    <message>
        <source>The report is only on this computer.</source>
        <translation>Der Bericht liegt nur auf diesem Computer.</translation>
    </message>
    <message>
        <source>Open the report</source>
        <translation>Bericht öffnen</translation>
    </message>
</context>
<context>
    <name>Transcript</name>
    <message>
        <source>Conversation</source>
        <translation>Gespräch</translation>
    </message>
    <message>
        <source>Earlier messages</source>
        <translation>Frühere Nachrichten</translation>
    </message>
    <message numerus="yes">
        <source>%n more characters</source>
        <translation>
            <numerusform>noch %n Zeichen</numerusform>
            <numerusform>noch %n Zeichen</numerusform>
        </translation>
    </message>
    <message>
        <source>free</source>
        <translation>kostenlos</translation>
    </message>
    <message>
        <source>&lt; {0} s</source>
        <translation>&lt; {0} s</translation>
    </message>
    <message>
        <source>{0} s</source>
        <translation>{0} s</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>Kopieren</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>Noch einmal versuchen</translation>
    </message>
    <message>
        <source>Copy code</source>
        <translation>Code kopieren</translation>
    </message>
    <message>
        <source>Copied</source>
        <translation>Kopiert</translation>
    </message>
</context>
<context>
    <name>Tray</name>
    <message>
        <source>Starting</source>
        <translation>Startet</translation>
    </message>
    <message>
        <source>Local only: nothing leaves this computer</source>
        <translation>Nur lokal: nichts verlässt diesen Computer</translation>
    </message>
    <message>
        <source>Ask…</source>
        <translation>Fragen …</translation>
    </message>
    <message>
        <source>Summarise clipboard</source>
        <translation>Zwischenablage zusammenfassen</translation>
    </message>
    <message>
        <source>Reminders</source>
        <translation>Erinnerungen</translation>
    </message>
    <message>
        <source>Inbox</source>
        <translation>Eingang</translation>
    </message>
    <message>
        <source>Pause capture for 10 minutes</source>
        <translation>10 Minuten nicht hinsehen</translation>
    </message>
    <message>
        <source>Pause capture until I say</source>
        <translation>Nicht hinsehen, bis ich es sage</translation>
    </message>
    <message>
        <source>Resume capture</source>
        <translation>Wieder hinsehen</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>Beenden</translation>
    </message>
    <message>
        <source>Inbox ({0})</source>
        <translation>Eingang ({0})</translation>
    </message>
    <message>
        <source>Loom: {0}</source>
        <translation>Loom: {0}</translation>
    </message>
</context>
<context>
    <name>Welcome</name>
    <message>
        <source>Summarise what I copied</source>
        <translation>Fasse zusammen, was ich kopiert habe</translation>
    </message>
    <message>
        <source>What can I do for you?</source>
        <translation>Was kann ich für dich tun?</translation>
    </message>
    <message>
        <source>These work on this computer, without a model or a network.</source>
        <translation>Das geht auf diesem Computer, ohne Modell und ohne Netz.</translation>
    </message>
    <message>
        <source>Remind me tomorrow at 8:30 to call Ana</source>
        <translation>Erinnere mich morgen um 8:30 daran, Ana anzurufen</translation>
    </message>
    <message>
        <source>What is 18 % of 249.90?</source>
        <translation>Wie viel sind 18 % von 249,90?</translation>
    </message>
    <message>
        <source>Connect a model for open questions</source>
        <translation>Ein Modell für offene Fragen verbinden</translation>
    </message>
</context>
<context>
    <name>Words</name>
    <message>
        <source>Today</source>
        <translation>Heute</translation>
    </message>
    <message>
        <source>Yesterday</source>
        <translation>Gestern</translation>
    </message>
    <message>
        <source>Tomorrow</source>
        <translation>Morgen</translation>
    </message>
    <message>
        <source>dddd d MMMM</source>
        <comment>a day of this year, as QDate writes it</comment>
        <translation>dddd, d. MMMM</translation>
    </message>
    <message>
        <source>d MMMM yyyy</source>
        <comment>a day of another year, as QDate writes it</comment>
        <translation>d. MMMM yyyy</translation>
    </message>
    <message>
        <source>what you typed</source>
        <translation>was du getippt hast</translation>
    </message>
    <message>
        <source>what you said</source>
        <translation>was du gesagt hast</translation>
    </message>
    <message>
        <source>your clipboard</source>
        <translation>deine Zwischenablage</translation>
    </message>
    <message>
        <source>a file</source>
        <translation>eine Datei</translation>
    </message>
    <message>
        <source>the web</source>
        <translation>das Web</translation>
    </message>
    <message>
        <source>what Loom remembers</source>
        <translation>was Loom sich gemerkt hat</translation>
    </message>
    <message>
        <source>a schedule</source>
        <translation>ein Zeitplan</translation>
    </message>
    <message>
        <source>the program {0}</source>
        <translation>das Programm {0}</translation>
    </message>
    <message>
        <source>the tool {0}</source>
        <translation>das Werkzeug {0}</translation>
    </message>
    <message>
        <source>another computer ({0})</source>
        <translation>ein anderer Computer ({0})</translation>
    </message>
    <message>
        <source>unknown</source>
        <translation>unbekannt</translation>
    </message>
    <message>
        <source>Nothing is changed by this.</source>
        <translation>Das ändert nichts.</translation>
    </message>
    <message>
        <source>What is asked of the network leaves this computer for good.</source>
        <translation>Was im Netz gefragt wird, verlässt diesen Computer endgültig.</translation>
    </message>
    <message>
        <source>You can undo this for 30 days.</source>
        <translation>Du kannst es 30 Tage lang zurücknehmen.</translation>
    </message>
    <message>
        <source>You can change it back in the settings.</source>
        <translation>Du kannst es in den Einstellungen zurückstellen.</translation>
    </message>
    <message>
        <source>This cannot be undone.</source>
        <translation>Das lässt sich nicht zurücknehmen.</translation>
    </message>
    <message>
        <source>What is sent cannot be called back.</source>
        <translation>Was gesendet ist, lässt sich nicht zurückholen.</translation>
    </message>
    <message>
        <source>What a command does cannot be undone by Loom.</source>
        <translation>Was ein Befehl tut, kann Loom nicht zurücknehmen.</translation>
    </message>
    <message>
        <source>Money that is spent cannot be called back.</source>
        <translation>Ausgegebenes Geld lässt sich nicht zurückholen.</translation>
    </message>
    <message>
        <source>Loom cannot promise that this can be undone.</source>
        <translation>Loom kann nicht versprechen, dass sich das zurücknehmen lässt.</translation>
    </message>
    <message>
        <source>Waits for you</source>
        <translation>Wartet auf dich</translation>
    </message>
    <message>
        <source>Held back</source>
        <translation>Zurückgehalten</translation>
    </message>
    <message>
        <source>Answered</source>
        <translation>Beantwortet</translation>
    </message>
    <message>
        <source>Ran out</source>
        <translation>Abgelaufen</translation>
    </message>
    <message>
        <source>Over</source>
        <translation>Überholt</translation>
    </message>
    <message>
        <source>Dismissed</source>
        <translation>Verworfen</translation>
    </message>
    <message>
        <source>Done</source>
        <translation>Erledigt</translation>
    </message>
    <message>
        <source>Undone</source>
        <translation>Zurückgenommen</translation>
    </message>
    <message>
        <source>Failed</source>
        <translation>Fehlgeschlagen</translation>
    </message>
    <message>
        <source>Partly done</source>
        <translation>Teils erledigt</translation>
    </message>
    <message>
        <source>Not finished</source>
        <translation>Nicht fertig</translation>
    </message>
    <message>
        <source>In progress</source>
        <translation>Läuft</translation>
    </message>
    <message>
        <source>Unclear</source>
        <translation>Unklar</translation>
    </message>
    <message>
        <source>Set</source>
        <translation>Gestellt</translation>
    </message>
    <message>
        <source>You answered the card</source>
        <translation>Du hast die Karte beantwortet</translation>
    </message>
    <message>
        <source>You copied something</source>
        <translation>Du hast etwas kopiert</translation>
    </message>
    <message>
        <source>The clipboard was emptied</source>
        <translation>Die Zwischenablage wurde geleert</translation>
    </message>
    <message>
        <source>A file arrived</source>
        <translation>Eine Datei kam an</translation>
    </message>
    <message>
        <source>A file went away</source>
        <translation>Eine Datei verschwand</translation>
    </message>
    <message>
        <source>You pressed the hotkey</source>
        <translation>Du hast das Tastenkürzel gedrückt</translation>
    </message>
    <message>
        <source>A reminder was due</source>
        <translation>Eine Erinnerung war fällig</translation>
    </message>
    <message>
        <source>A reminder was set</source>
        <translation>Eine Erinnerung wurde gestellt</translation>
    </message>
    <message>
        <source>You asked</source>
        <translation>Du hast gefragt</translation>
    </message>
    <message>
        <source>Loom answered</source>
        <translation>Loom hat geantwortet</translation>
    </message>
    <message>
        <source>The answer failed</source>
        <translation>Die Antwort schlug fehl</translation>
    </message>
    <message>
        <source>Loom offered a card</source>
        <translation>Loom bot eine Karte an</translation>
    </message>
    <message>
        <source>The card was closed</source>
        <translation>Die Karte wurde geschlossen</translation>
    </message>
    <message>
        <source>It was checked against what you allow</source>
        <translation>Es wurde geprüft, ob du es erlaubst</translation>
    </message>
    <message>
        <source>You asked for it in Loom</source>
        <translation>Du hast es in Loom verlangt</translation>
    </message>
    <message>
        <source>The computer woke up</source>
        <translation>Der Computer wachte auf</translation>
    </message>
    <message>
        <source>Using {0}…</source>
        <translation>Benutzt {0} …</translation>
    </message>
    <message>
        <source>Coming to an end…</source>
        <translation>Kommt zum Ende …</translation>
    </message>
    <message>
        <source>Planning…</source>
        <translation>Plant …</translation>
    </message>
    <message>
        <source>Thinking…</source>
        <translation>Denkt nach …</translation>
    </message>
</context>
<context>
    <name>_OverlayBar</name>
    <message>
        <source>Scroll the conversation</source>
        <translation>Gespräch rollen</translation>
    </message>
</context>
</TS>
